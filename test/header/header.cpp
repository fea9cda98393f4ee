// header.cpp - varve.h in a strict C++ program: extern "C" linkage, no keyword used as a name, and
// all macros, which C++ before 20 could not take as they are in C.
#include "varve/varve.h"

#include <cstring>

int main()
{
    const varve_options options = VARVE_OPTIONS_INIT;
    const varve_batch batch = VARVE_BATCH_INIT;
    const varve_profile profile = VARVE_PROFILE_INIT;
    const varve_limits limits = VARVE_LIMITS_INIT;
    varve_selection selection = VARVE_SELECTION_INIT;
    const varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    const varve_retention retention = VARVE_RETENTION_INIT;
    const varve_rollup rollup = VARVE_ROLLUP_INIT;
    const varve_bulk_options bulk = VARVE_BULK_OPTIONS_INIT;
    const varve_import_options import_options = VARVE_IMPORT_OPTIONS_INIT;
    const varve_export_options export_options = VARVE_EXPORT_OPTIONS_INIT;
    const varve_statistics statistics = VARVE_STATISTICS_INIT;
    const varve_copy_options copy = VARVE_COPY_OPTIONS_INIT;
    const varve_string string = VARVE_STRING("abc");
    const bool sizes =
        options.options_size == sizeof options && batch.options_size == sizeof batch &&
        profile.options_size == sizeof profile && limits.options_size == sizeof limits &&
        selection.options_size == sizeof selection &&
        aggregation.options_size == sizeof aggregation &&
        retention.options_size == sizeof retention && rollup.options_size == sizeof rollup &&
        bulk.options_size == sizeof bulk && import_options.options_size == sizeof import_options &&
        export_options.options_size == sizeof export_options &&
        statistics.options_size == sizeof statistics && copy.options_size == sizeof copy;
    if (!sizes || options.background_threads != 1 || selection.start != INT64_MIN ||
        selection.end != INT64_MAX || retention.floor != INT64_MIN || string.length != 3) {
        return 1;
    }
    return std::strcmp(varve_version(), VARVE_VERSION_STRING) == 0 ? 0 : 1;
}
