#include "viewer/colour_profile.h"

#include "core/memory.h"

#include <lcms2.h>

enum { PROFILE_BYTES_MAXIMUM = 16 << 20 };

struct lethe_colour_profile {
    cmsHTRANSFORM rgb, rgba;
};

lethe_status lethe_colour_profile_create(const uint8_t *icc, size_t size, lethe_colour_profile **out, lethe_error *error) {
    *out = NULL;
    if (size > PROFILE_BYTES_MAXIMUM) return lethe_fail(error, LETHE_LIMIT, "an ICC profile of %zu bytes", size);
    lethe_colour_profile *profile = lethe_alloc_array(1, sizeof *profile);
    if (!profile) return lethe_fail(error, LETHE_NO_MEMORY, "out of memory");
    cmsHPROFILE from = cmsOpenProfileFromMem(icc, (cmsUInt32Number)size), to = cmsCreate_sRGBProfile();
    if (from && to && cmsGetColorSpace(from) == cmsSigRgbData) {
        /* Without its cache of the last colour a transform may be used by several threads at once. */
        profile->rgb = cmsCreateTransform(from, TYPE_RGB_8, to, TYPE_RGB_8, INTENT_PERCEPTUAL, cmsFLAGS_NOCACHE);
        profile->rgba = cmsCreateTransform(from, TYPE_RGBA_8, to, TYPE_RGBA_8, INTENT_PERCEPTUAL, cmsFLAGS_NOCACHE | cmsFLAGS_COPY_ALPHA);
    }
    if (from) (void)cmsCloseProfile(from);
    if (to) (void)cmsCloseProfile(to);
    if (!profile->rgb || !profile->rgba) {
        lethe_colour_profile_destroy(profile);
        return lethe_fail(error, LETHE_MALFORMED, "the ICC profile is no readable RGB profile");
    }
    *out = profile;
    return LETHE_OK;
}

void lethe_colour_profile_destroy(lethe_colour_profile *profile) {
    if (!profile) return;
    if (profile->rgb) cmsDeleteTransform(profile->rgb);
    if (profile->rgba) cmsDeleteTransform(profile->rgba);
    lethe_free(profile);
}

void lethe_colour_profile_apply(const lethe_colour_profile *profile, lethe_image *image) {
    if (!profile || image->bytes_per_sample != 1 || (image->samples != 3 && image->samples != 4)) return;
    cmsDoTransform(image->samples == 3 ? profile->rgb : profile->rgba, image->pixels, image->pixels, image->columns * image->rows);
}
