// header.cpp - varve.h in a strict C++ program: extern "C" linkage, no keyword used as a name; from
// C++20 on, which knows designated initialisers, the _INIT macros as well.
#include "varve/varve.h"

#include <cstring>

int main()
{
#if __cplusplus >= 202002L
    const varve_options options = VARVE_OPTIONS_INIT;
    const varve_batch batch = VARVE_BATCH_INIT;
    const varve_selection selection = VARVE_SELECTION_INIT;
    if (options.options_size != sizeof options || batch.options_size != sizeof batch ||
        selection.end != INT64_MAX) {
        return 1;
    }
#endif
    return std::strcmp(varve_version(), VARVE_VERSION_STRING) == 0 ? 0 : 1;
}
