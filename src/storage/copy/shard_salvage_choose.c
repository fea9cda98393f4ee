/*
 * shard_salvage_choose.c - which blocks are live, when there is no manifest to say so.
 *
 *   LSN   0      10      20      30
 *         |--a---|---b---|---c---|        a and c were merged into m: m speaks for them
 *         |----------m-----------|        b is of another time: it lives beside m
 *
 * A merge takes every block that overlaps its result in time and lies in its part of the log. So a
 * block whose part of the log lies within that of another one, and whose time overlaps that one's,
 * is what the other was made from. Of two with the same part of the log the later id was made from
 * the earlier. Blocks with deletions alone overlap nothing: they stay, which harms nobody.
 * Pure.
 */
#include "storage/copy/shard_salvage.h"

static bool is_made_from(const struct vv_block_info *whole, const struct vv_block_info *part)
{
    bool within = whole->identity.lsn_min <= part->identity.lsn_min &&
                  part->identity.lsn_max <= whole->identity.lsn_max;
    bool same = whole->identity.lsn_min == part->identity.lsn_min &&
                part->identity.lsn_max == whole->identity.lsn_max;
    bool overlaps = whole->time_min <= part->time_max && part->time_min <= whole->time_max;
    return within && overlaps && (!same || whole->identity.id > part->identity.id);
}

void vv_salvage_choose(struct vv_salvage_block *blocks, size_t count, bool trust_manifest)
{
    for (size_t i = 0; i < count; i++) {
        blocks[i].chosen =
            blocks[i].block != NULL && (!trust_manifest || blocks[i].expected != NULL);
        for (size_t k = 0; k < count && blocks[i].chosen && !trust_manifest; k++) {
            if (k != i && blocks[k].block != NULL) {
                blocks[i].chosen =
                    !is_made_from(vv_block_info(blocks[k].block), vv_block_info(blocks[i].block));
            }
        }
    }
}
