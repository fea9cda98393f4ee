/*
 * hint.h - what to say when a selector found nothing.
 */
#ifndef VARVE_TOOLS_HINT_H
#define VARVE_TOOLS_HINT_H

#include "cli.h"

/* Says why nothing was found as far as that can be told: a metric, label or value that does not
 * exist (and which one was probably meant), or a range without samples. */
void cli_hint_nothing_found(varve_db *db, const struct cli_selection *selection);

/* Says that no series has a label of that name, and which one was probably meant, unless one has
 * it. */
void cli_hint_no_label(varve_db *db, const char *name);

#endif
