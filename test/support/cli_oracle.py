"""Compares the command with a naive store: cli_oracle.py VARVE FOLDER SCRAPE NAB

SCRAPE is Prometheus text, NAB a folder of csv files. The same samples go into a database and into a
dictionary, late, twice, and deleted again; then the same questions are asked of both, before and
after compaction. (Every question is a process of its own, so each of them is a restart as well.)
"""
import csv
import glob
import io
import math
import os
import random
import re
import subprocess
import sys

VARVE, FOLDER, SCRAPE, NAB = sys.argv[1:]
DB = os.path.join(FOLDER, 'oracle.db')
LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')
MILLISECOND = 10**6
failures = 0


def fail(text):
    global failures
    failures += 1
    print('FAILED:', text)


def varve(*arguments, text=None):
    done = subprocess.run([VARVE, *arguments], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f'varve {arguments}: exit code {done.returncode}: {done.stderr[:500]}')
    return done.stdout


class Store:
    """{series: {time: value}}; a series is a sorted tuple of (name, value)."""

    def __init__(self):
        self.series = {}

    def put(self, labels, time, value):
        self.series.setdefault(tuple(sorted(labels.items())), {})[time] = value

    def select(self, matches, start=None, end=None):
        for key in sorted(self.series, key=order):
            if not matches(dict(key)):
                continue
            samples = {t: v for t, v in self.series[key].items()
                       if (start is None or t >= start) and (end is None or t < end)}
            if samples:
                yield key, sorted(samples.items())

    def delete(self, matches, start=None, end=None):
        for key, samples in list(self.select(matches, start, end)):
            for time, _ in samples:
                del self.series[key][time]
            if not self.series[key]:
                del self.series[key]


def order(key):
    """By metric name, then by the other labels: name and value, bytewise."""
    labels = dict(key)
    name = labels.pop('__name__', '')
    return (name.encode(), [(n.encode(), v.encode()) for n, v in sorted(labels.items())])


def text_of(key):
    labels = dict(key)
    name = labels.pop('__name__', '')
    inner = ','.join(f'{n}="{v}"' for n, v in sorted(labels.items()))
    return name + ('{' + inner + '}' if inner or not name else '')


def parse_prom(line):
    found = re.match(r'([A-Za-z_:][A-Za-z0-9_:]*)(\{.*\})? (\S+) (\d+)$', line)
    labels = dict(LABEL.findall(found.group(2) or ''))
    labels['__name__'] = found.group(1)
    return labels, int(found.group(4)) * MILLISECOND, float(found.group(3))


def functions_of(samples):
    values = [v for _, v in samples]
    numbers = [v for v in values if not math.isnan(v)] or [math.nan]
    return {'count': len(values), 'sum': math.fsum(numbers), 'min': min(numbers),
            'max': max(numbers), 'avg': math.fsum(numbers) / len(numbers),
            'first': values[0], 'last': values[-1]}


FUNCTIONS = ['count', 'sum', 'min', 'max', 'avg', 'first', 'last']


def close(a, b):
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def rows_of(output):
    return list(csv.reader(io.StringIO(output)))


def compare_raw(store, selector, matches, start=None, end=None):
    arguments = ['query', DB, selector, '--output', 'csv', '--time-format', 'ns']
    arguments += [] if start is None else ['--start', f'{start}ns']
    arguments += [] if end is None else ['--end', f'{end}ns']
    got = rows_of(varve(*arguments))
    want = [['series', 'time', 'value']]
    for key, samples in store.select(matches, start, end):
        want += [[text_of(key), str(t), v] for t, v in samples]
    if len(got) != len(want):
        return fail(f'{selector} [{start}, {end}): {len(got)} rows, not {len(want)}')
    for g, w in zip(got[1:], want[1:]):
        if g[:2] != w[:2] or not (float(g[2]) == w[2] or (math.isnan(w[2]) and g[2] == 'NaN')):
            return fail(f'{selector} [{start}, {end}): {g}, not {w}')


def compare_aggregate(store, selector, matches, step=None, by=None, without=None):
    arguments = ['query', DB, selector, '--agg', ','.join(FUNCTIONS), '--output', 'csv',
                 '--time-format', 'ns']
    arguments += [] if step is None else ['--step', f'{step // MILLISECOND}ms']
    arguments += [] if by is None else ['--by', ','.join(by)]
    arguments += [] if without is None else ['--without', ','.join(without)]
    groups = {}
    for key, samples in store.select(matches):
        group = key
        if by is not None:
            group = tuple((n, v) for n, v in key if n in by)
        elif without is not None:
            group = tuple((n, v) for n, v in key if n not in without)
        for t, v in samples:
            bucket = 0 if step is None else t // step * step
            groups.setdefault((group, bucket), []).append((t, v))
    want = {}
    for (group, bucket), samples in groups.items():
        samples.sort(key=lambda s: s[0])
        ties = by is not None or without is not None  # then first and last are not unique
        want[text_of(group), bucket] = (functions_of(samples), samples, ties)
    got = rows_of(varve(*arguments))
    begin = 1 if step is None else 2
    if got[0][begin:] != FUNCTIONS or len(got) - 1 != len(want):
        return fail(f'{arguments}: {len(got) - 1} rows, not {len(want)}')
    for row in got[1:]:
        expected = want.get((row[0], 0 if step is None else int(row[1])))
        if expected is None:
            return fail(f'{arguments}: unexpected row {row}')
        for name, text in zip(FUNCTIONS, row[begin:]):
            if expected[2] and name in ('first', 'last'):
                edge = expected[1][0][0] if name == 'first' else expected[1][-1][0]
                if not any(close(float(text), v) for t, v in expected[1] if t == edge):
                    return fail(f'{arguments}: {row[0]} {name} is {text}')
            elif not close(float(text), expected[0][name]):
                return fail(f'{arguments}: {row[0]} {name} is {text}, not {expected[0][name]}')


def questions(store, when):
    before = failures
    name = '__name__'
    cases = [
        ('node_load1', lambda l: l[name] == 'node_load1'),
        ('node_cpu_seconds_total{mode="idle"}',
         lambda l: l[name] == 'node_cpu_seconds_total' and l.get('mode') == 'idle'),
        ('node_cpu_seconds_total{mode!="idle"}',
         lambda l: l[name] == 'node_cpu_seconds_total' and l.get('mode') != 'idle'),
        ('{__name__=~"node_memory_(Mem|Swap).*_bytes"}',
         lambda l: re.fullmatch('node_memory_(Mem|Swap).*_bytes', l[name])),
        ('{job="node",device!~"eth.*|"}',
         lambda l: l.get('job') == 'node' and not re.fullmatch('eth.*|', l.get('device', ''))),
        ('{device="",__name__=~"node_network.*"}',
         lambda l: not l.get('device') and l[name].startswith('node_network')),
        ('nab{file="nyc_taxi"}', lambda l: l[name] == 'nab' and l['file'] == 'nyc_taxi'),
        ('{}', lambda l: True),
    ]
    times = sorted({t for samples in store.series.values() for t in samples})
    middle, late = times[len(times) // 2], times[len(times) * 9 // 10]
    for selector, matches in cases:
        compare_raw(store, selector, matches)
        compare_raw(store, selector, matches, start=middle, end=late)
        compare_raw(store, selector, matches, start=middle + 1)
        compare_aggregate(store, selector, matches)
        compare_aggregate(store, selector, matches, step=7000 * MILLISECOND)
        compare_aggregate(store, selector, matches, step=86400000 * MILLISECOND)
    compare_aggregate(store, *cases[1], by=['cpu'])
    compare_aggregate(store, *cases[2], step=10000 * MILLISECOND, by=['mode'])
    compare_aggregate(store, *cases[2], step=10000 * MILLISECOND, without=['cpu'])
    compare_aggregate(store, *cases[7], by=['job'])
    compare_aggregate(store, *cases[7], by=[])
    latest = rows_of(varve('latest', DB, '{}', '--output', 'csv', '--time-format', 'ns'))
    want = [[text_of(k), str(s[-1][0])] for k, s in store.select(lambda l: True)]
    if [row[:2] for row in latest[1:]] != want:
        fail(f'{when}: latest differs')
    if failures == before:
        print(f'{when}: every answer is exact')


def load(store):
    """The scrape in order but for a tenth that comes late, and the csv files of NAB."""
    rng = random.Random(int(os.environ.get('VARVE_TEST_SEED', '7')))
    lines = open(SCRAPE).read().splitlines()
    held = set(rng.sample(range(len(lines)), len(lines) // 10))
    in_time = [line for i, line in enumerate(lines) if i not in held]
    late = [lines[i] for i in sorted(held, key=lambda i: rng.random())]
    varve('import', DB, '--format', 'prom', '-', text='\n'.join(in_time) + '\n')
    varve('import', DB, '--format', 'prom', '-', text='\n'.join(late) + '\n')
    for line in in_time + late:
        store.put(*parse_prom(line))
    for path in sorted(glob.glob(NAB + '/realKnownCause/*.csv')):
        file = os.path.basename(path)[:-4]
        varve('import', DB, '--format', 'csv', '--time-format', '%Y-%m-%d %H:%M:%S', '--metric',
              'nab', '--label', 'file=' + file, path)
        for row in csv.DictReader(open(path)):
            store.put({'__name__': 'nab', 'file': file}, seconds(row['timestamp']),
                      float(row['value']))
    return in_time


def seconds(text):
    import calendar
    import time
    return calendar.timegm(time.strptime(text, '%Y-%m-%d %H:%M:%S')) * 10**9


def change(store, lines):
    """Duplicates with other values (the later one wins), and deletes of a series and of a range."""
    rng = random.Random(11)
    again = []
    for line in rng.sample(lines, 500):
        labels, time, value = parse_prom(line)
        store.put(labels, time, value + 1)
        again.append(re.sub(r' \S+ (\d+)$', lambda m: f' {value + 1!r} {m.group(1)}', line))
    varve('import', DB, '--format', 'prom', '-', text='\n'.join(again) + '\n')
    varve('delete', DB, 'node_cpu_seconds_total{cpu="0",mode="user"}')
    store.delete(lambda l: l['__name__'] == 'node_cpu_seconds_total' and l.get('cpu') == '0'
                 and l.get('mode') == 'user')
    times = sorted({t for samples in store.series.values() for t in samples})
    start, end = times[len(times) // 3], times[len(times) * 2 // 3]
    varve('delete', DB, '{job="node"}', '--start', f'{start}ns', '--end', f'{end}ns')
    store.delete(lambda l: l.get('job') == 'node', start, end)


def main():
    store = Store()
    lines = load(store)
    questions(store, 'loaded')
    change(store, lines)
    questions(store, 'changed')
    varve('compact', DB)
    varve('check', DB)
    questions(store, 'compacted')
    again = lines[:2000]
    varve('import', DB, '--format', 'prom', '-', text='\n'.join(again) + '\n')
    for line in again:
        store.put(*parse_prom(line))
    questions(store, 'appended to again')
    sys.exit(1 if failures else 0)


main()
