/*
 * block_stamp.c - giving a finished block its place in the log.
 *
 *   | header: LSNs, checksum | pages, as they are | tail | footer: checksum of all but the pages |
 *
 * For blocks that are written before it is known where in the log their data will stand. What is
 * changed lies in the first and in the last bytes of the file; a crash in between leaves a file
 * that is no block.
 * Thread: one; nobody else may have the file open.
 */
#include "base/checksum.h"
#include "mmap/block.h"
#include "mmap/block_format.h"
#include "os/alloc.h"

/* Everything that the checksum of a block covers. */
struct covered {
    uint8_t header[VV_BLOCK_HEADER_BYTES];
    uint8_t *tail; /* and the footer behind it */
    size_t tail_bytes;
    uint64_t tail_offset;
};

static uint64_t checksum_of(const struct covered *covered)
{
    struct vv_checksum_state state;
    vv_checksum_init(&state, 0);
    vv_checksum_update(&state, covered->header, sizeof(covered->header));
    vv_checksum_update(&state, covered->tail, covered->tail_bytes + VV_FOOTER_CHECKSUM);
    return vv_checksum_finish(&state);
}

/* 0 or -errno; CORRUPT and NO_MEMORY in *status. */
static int read_covered(const struct vv_env *env, int file, const struct vv_block_info *info,
                        struct covered *covered, varve_status *status)
{
    uint8_t offset[sizeof(uint64_t)];
    uint64_t footer = info->file_bytes - VV_BLOCK_FOOTER_BYTES;
    int result = vv_env_read_all(env, file, covered->header, sizeof(covered->header), 0);
    if (result == 0) {
        result = vv_env_read_all(env, file, offset, sizeof(offset), footer + VV_FOOTER_TAIL_OFFSET);
    }
    if (result != 0) {
        return result;
    }
    covered->tail_offset = vv_load_u64(offset);
    if (covered->tail_offset < VV_BLOCK_HEADER_BYTES || covered->tail_offset > footer) {
        *status = VARVE_CORRUPT;
        return 0;
    }
    covered->tail_bytes = (size_t)(footer - covered->tail_offset);
    covered->tail = vv_alloc(covered->tail_bytes + VV_BLOCK_FOOTER_BYTES);
    if (covered->tail == NULL) {
        *status = VARVE_NO_MEMORY;
        return 0;
    }
    result = vv_env_read_all(env, file, covered->tail, covered->tail_bytes + VV_BLOCK_FOOTER_BYTES,
                             covered->tail_offset);
    if (result == 0 && checksum_of(covered) != info->checksum) {
        *status = VARVE_CORRUPT;
    }
    return result;
}

static int write_covered(const struct vv_env *env, int file, const struct vv_block_info *info,
                         const struct covered *covered)
{
    int result = vv_env_write_all(env, file, covered->header, sizeof(covered->header), 0);
    if (result == 0) {
        result = vv_env_write_all(env, file, covered->tail + covered->tail_bytes,
                                  VV_BLOCK_FOOTER_BYTES, info->file_bytes - VV_BLOCK_FOOTER_BYTES);
    }
    return result == 0 ? env->ops->fdatasync(env->ctx, file) : result;
}

varve_status vv_block_stamp(const struct vv_env *env, int directory, const char *name,
                            uint64_t lsn_min, uint64_t lsn_max, struct vv_block_info *info,
                            varve_error *error)
{
    struct covered covered = {.tail = NULL};
    varve_status status = VARVE_OK;
    int file = env->ops->open(env->ctx, directory, name, VV_OPEN_WRITE);
    int result = file < 0 ? file : read_covered(env, file, info, &covered, &status);
    if (result == 0 && status == VARVE_OK) {
        uint8_t *header = covered.header;
        vv_store_u64(header + VV_HEADER_LSN_MIN, lsn_min);
        vv_store_u64(header + VV_HEADER_LSN_MAX, lsn_max);
        vv_store_u32(header + VV_HEADER_CHECKSUM, (uint32_t)vv_hash(header, VV_HEADER_CHECKSUM));
        uint64_t checksum = checksum_of(&covered);
        vv_store_u64(covered.tail + covered.tail_bytes + VV_FOOTER_CHECKSUM, checksum);
        result = write_covered(env, file, info, &covered);
        if (result == 0) {
            info->identity.lsn_min = lsn_min;
            info->identity.lsn_max = lsn_max;
            info->checksum = checksum;
        }
    }
    vv_free(covered.tail);
    if (file >= 0) {
        int closed = env->ops->close(env->ctx, file);
        result = result == 0 ? closed : result;
    }
    if (status == VARVE_OK && result != 0) {
        status = vv_status_from_errno(-result);
    }
    return status == VARVE_OK ? status
                              : vv_fail_io(error, status, -result, name, 0,
                                           "a block cannot be given its place in the log");
}
