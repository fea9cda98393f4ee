/*
 * poison.h - tells AddressSanitizer which parts of our own slabs and chunks are not in use.
 *
 * Without it a use after release of pooled memory goes unseen. Nothing in other builds.
 */
#ifndef VARVE_POOL_POISON_H
#define VARVE_POOL_POISON_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define VV_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VV_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef VV_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

/* For a function that reads memory which may have been released meanwhile, and finds that out. */
#define VV_MAY_READ_POISONED __attribute__((no_sanitize("address")))

/* A touch of these bytes is a report until vv_unpoison(). */
static inline void vv_poison(const volatile void *bytes, size_t length)
{
#ifdef VV_ADDRESS_SANITIZER
    __asan_poison_memory_region(bytes, length);
#else
    (void)bytes;
    (void)length;
#endif
}

static inline void vv_unpoison(const volatile void *bytes, size_t length)
{
#ifdef VV_ADDRESS_SANITIZER
    __asan_unpoison_memory_region(bytes, length);
#else
    (void)bytes;
    (void)length;
#endif
}

/* Whether a touch of the byte would be a report; never in other builds. */
static inline bool vv_is_poisoned(const volatile void *byte)
{
#ifdef VV_ADDRESS_SANITIZER
    return __asan_address_is_poisoned(byte) != 0;
#else
    (void)byte;
    return false;
#endif
}

#endif
