/*
 * header.c - varve.h in a strict C program that includes nothing else before it.
 *
 * Compiled with -Wpedantic as C99 and C11 and linked with the shared library: what the header
 * declares must be exported, and every _INIT macro must be an initialiser without warnings.
 */
#include "varve/varve.h"

#include <string.h>

int main(void)
{
    const varve_options options = VARVE_OPTIONS_INIT;
    const varve_batch batch = VARVE_BATCH_INIT;
    const varve_selection selection = VARVE_SELECTION_INIT;
    const varve_string text = VARVE_STRING("up");

    if (options.options_size != sizeof options || batch.options_size != sizeof batch ||
        selection.options_size != sizeof selection || text.length != 2) {
        return 1;
    }
    return strcmp(varve_version(), VARVE_VERSION_STRING) == 0 ? 0 : 1;
}
