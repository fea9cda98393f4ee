#!/usr/bin/env python3
"""tidy_test - shows for every rule of tools/dev/tidy that it finds what it is there to find.

A small tree that obeys all rules is built in a scratch folder and must pass. Then each seed breaks
one rule in it, and tidy must report that rule for that file, and nothing else.
"""
import importlib.machinery
import importlib.util
import os
import sys
import tempfile

sys.dont_write_bytecode = True
TIDY = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools', 'dev', 'tidy')
LOADER = importlib.machinery.SourceFileLoader('tidy', TIDY)
tidy = importlib.util.module_from_spec(importlib.util.spec_from_loader('tidy', LOADER))
LOADER.exec_module(tidy)

CLEAN = {
    'src/base/status.h': '/* Statuses. */\nint vv_status(void);\n',
    'src/base/cpu.c': '/* Features. */\n#include "base/status.h"\n\nconst char *isa(void)\n{\n'
                      '    return getenv("VARVE_ISA"); /* malloc(1) is no call */\n}\n',
    'src/os/alloc.c': '/* The heap. */\n#include <stdlib.h>\n\n#include "base/status.h"\n\n'
                      'void *vv_alloc(size_t bytes)\n{\n    return malloc(bytes);\n}\n',
    'src/os/env.c': '/* Files. */\n#include <unistd.h>\n\nint sync_file(int file)\n{\n'
                    '    return fsync(file);\n}\n',
    'src/storage/wal.c': '/* The log. */\n#include "os/env.h"\n#include "varve/varve.h"\n\n'
                         'int run(struct env *env)\n{\n    vv_free(env);\n'
                         '    return env->ops->open(env->ctx) + env->ops->close("free(x)");\n}\n',
    'include/varve/varve.h': '/* The manual. */\nint varve_open(void);\n',
    'tools/cli/main.c': '/* The command. */\n#include <stdio.h>\n\n#include "cli.h"\n'
                        '#include "varve/varve.h"\n\nint main(void)\n{\n    printf("x");\n'
                        '    return 0;\n}\n',
    'tools/cli/cli.h': '/* What the files of the command share. */\n',
    'test/unit/test_wal.c': '/* Tests the log. */\n',
    'test/integration/cli.sh': '#!/bin/sh\nexit 0\n',
    'README.md': 'varve' * 40 + '\n',
}


def body(lines):
    return '/* Long. */\nvoid run(void)\n{\n' + '    step();\n' * lines + '}\n'


def with_line(line):
    return '/* A file. */\n' + line + '\n'


def with_call(call):
    return '/* A file. */\nvoid run(void)\n{\n    ' + call + ';\n}\n'


# (rule, file, contents)
SEEDS = [
    ('include-law', 'src/base/a.c', with_line('#include "os/alloc.h"')),
    ('include-law', 'src/query/a.c', with_line('#include "storage/head.h"')),
    ('include-law', 'src/query/a.c', with_line('#include "mmap/block.h"')),
    ('include-law', 'src/compress/a.h', with_line('#include "os/alloc.h"')),
    ('include-law', 'src/text/a.c', with_line('#include "engine/database.h"')),
    ('include-law', 'src/mmap/a.c', with_line('#  include "storage/head.h"')),
    ('include-law', 'src/os/a.c', with_line('#include "alloc.h"')),
    ('include-law', 'src/storage/log/a.c', with_line('#include "storage/shard.h"')),
    ('include-law', 'src/storage/head/a.c', with_line('#include "storage/log/wal.h"')),
    ('include-law', 'tools/cli/a.c', with_line('#include "os/alloc.h"')),
    ('header-owner', 'src/storage/a.c', with_line('#include <pthread.h>')),
    ('header-owner', 'src/mmap/a.c', with_line('#include <sys/mman.h>')),
    ('header-owner', 'src/storage/a.c', with_line('#include <liburing.h>')),
    ('header-owner', 'src/engine/a.c', with_line('#include <hwloc.h>')),
    ('header-owner', 'src/index/a.c', with_line('#include <ck_ht.h>')),
    ('header-owner', 'src/mmap/a.c', with_line('#include <zstd.h>')),
    ('header-owner', 'src/query/a.c', with_line('#include <roaring/roaring.h>')),
    ('header-owner', 'src/query/a.c', with_line('#include <pcre2.h>')),
    ('header-owner', 'src/engine/a.c', with_line('#include <jansson.h>')),
    ('header-owner', 'src/index/a.c', with_line('#include <xxhash.h>')),
    ('header-owner', 'src/query/a.c', with_line('#include <immintrin.h>')),
    ('call-owner', 'src/storage/a.c', with_call('char *p = malloc(4)')),
    ('call-owner', 'src/os/env_a.c', with_call('free(p)')),
    ('call-owner', 'src/text/a.c', with_call('x = strtod(text, NULL)')),
    ('call-owner', 'src/engine/a.c', with_call('x = atoi (text)')),
    ('call-owner', 'src/os/a.c', with_call('getenv("HOME")')),
    ('call-owner', 'src/engine/a.c', with_call('fprintf(stderr, "x")')),
    ('call-owner', 'src/storage/a.c', with_call('assert(x)')),
    ('call-owner', 'src/storage/a.c', with_call('abort()')),
    ('call-owner', 'src/storage/a.c', with_call('if (pwrite(file, p, 1, 0) < 0)')),
    ('call-owner', 'src/mmap/a.c', with_call('munmap(p, 1)')),
    ('call-owner', 'src/engine/a.c', with_call('pthread_create(0, 0, 0, 0)')),
    ('banned-call', 'src/base/a.c', with_call('strcpy(a, b)')),
    ('banned-call', 'src/os/a.c', with_call('x = time(NULL)')),
    ('banned-call', 'tools/cli/a.c', with_call('sprintf(a, "x")')),
    ('banned-call', 'test/unit/test_cpu.c', with_call('srand(1)')),
    ('tab', 'src/base/a.c', with_line('int\tx;')),
    ('trailing-blank', 'tools/run', 'echo \n'),
    ('long-line', 'cmake/a.cmake', '#' * 101 + '\n'),
    ('last-line', 'tools/run', 'echo'),
    ('marker', 'src/base/a.c', with_line('/* TO' + 'DO: later */')),
    ('dead-code', 'src/base/a.c', with_line('# if 0')),
    ('machine-path', 'tools/run', 'cd /wo' + 'rk/here\n'),
    ('machine-path', 'tools/run', 'cd /tm' + 'p/brief\n'),
    ('long-file', 'src/base/a.c', '/* Long. */\n' + 'int x;\n' * 800),
    ('long-function', 'src/base/a.c', body(69)),
    ('opening', 'src/base/a.c', '#include "base/status.h"\n'),
    ('lost-test', 'test/unit/test_nothing.c', '/* Tests nothing. */\n'),
    ('lost-test', 'test/integration/crash.c', '/* CMake does not see it. */\n'),
    ('lost-test', 'test/integration/not_executable.sh', 'exit 0\n'),
]


def write(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, 'w', encoding='utf-8') as file:
        file.write(text)
    return full


def violations_in(root):
    checker = tidy.Checker(root)
    checker.check_tree()
    return checker.violations


def check_seed(root, rule, path, text):
    """The complaint about one seed, or None."""
    full = os.path.join(root, path)
    before = CLEAN.get(path)
    write(root, path, text)
    lines = violations_in(root)
    if before is None:
        os.remove(full)
    else:
        write(root, path, before)
    found = [line for line in lines if line.startswith(path) and f': {rule}: ' in line]
    if not found:
        return f'{rule} not found in {path}: {text[:80]!r}'
    if len(lines) > len(found):
        return f'more than {rule} found in {path}: {lines}'
    return None


def main():
    complaints = []
    with tempfile.TemporaryDirectory() as root:
        for path, text in CLEAN.items():
            write(root, path, text)
        os.chmod(os.path.join(root, 'test/integration/cli.sh'), 0o755)
        lines = violations_in(root)
        if lines:
            complaints.append(f'the clean tree does not pass: {lines}')
        for seed in SEEDS:
            complaint = check_seed(root, *seed)
            if complaint:
                complaints.append(complaint)
    for complaint in complaints:
        print(complaint)
    print(f'{len(SEEDS)} seeded violations, {len(complaints)} complaints')
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main())
