/*
 * suggest.c - "did you mean": the known word that is nearest to a mistyped one.
 *
 * Distance is the number of letters to insert, drop, change or swap with their neighbour (optimal
 * string alignment). A suggestion further away than a third of the word, or than two letters for
 * short words, would be a guess, and is not made.
 */
#include "options.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#define WORD_BYTES_MAX 63u

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *a, const char *b)
{
    size_t length_a = strlen(a), length_b = strlen(b);
    if (length_a > WORD_BYTES_MAX || length_b > WORD_BYTES_MAX)
        return WORD_BYTES_MAX;
    size_t rows[3][WORD_BYTES_MAX + 1] = {{0}};
    for (size_t j = 0; j <= length_b; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= length_a; i++) {
        size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= length_b; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], above2[j - 2] + 1);
        }
    }
    return rows[length_a % 3][length_b];
}

size_t cli_suggest(const char *word, const char *(*candidate)(void *context, size_t index),
                   void *context)
{
    size_t length = strlen(word);
    size_t best = length < 3 ? 1 : length < 9 ? 2 : length / 3;
    size_t found = SIZE_MAX;
    const char *known;
    for (size_t i = 0; (known = candidate(context, i)); i++) {
        /* A word that was broken off is meant whatever its length. */
        size_t far =
            length >= 3 && strncasecmp(known, word, length) == 0 ? 1 : distance(word, known);
        if (far < best || (far == best && found == SIZE_MAX)) {
            best = far;
            found = i;
        }
    }
    return found;
}

struct choices {
    const char *text;
    char word[WORD_BYTES_MAX + 1];
};

static const char *choice_at(void *context, size_t index)
{
    struct choices *choices = context;
    const char *from = choices->text;
    for (; index > 0; index--) {
        from = strchr(from, '|');
        if (!from)
            return NULL;
        from++;
    }
    size_t length = least(strcspn(from, "|"), WORD_BYTES_MAX);
    memcpy(choices->word, from, length);
    choices->word[length] = '\0';
    return choices->word;
}

bool cli_suggest_choice(const char *word, const char *choices, char *answer)
{
    struct choices all = {.text = choices};
    size_t index = cli_suggest(word, choice_at, &all);
    if (index == SIZE_MAX)
        return false;
    choice_at(&all, index);
    memcpy(answer, all.word, sizeof all.word);
    return true;
}
