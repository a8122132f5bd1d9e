/* The header's part of the decision (burned_in_policy.c), for burned_in.c. Layer: deid. */
#ifndef LETHE_DEID_BURNED_IN_INTERNAL_H
#define LETHE_DEID_BURNED_IN_INTERNAL_H

#include "core/memory.h"
#include "deid/pixels/burned_in.h"
#include "deid/pixels/devices.h"
#include "imaging/dicom/pixels.h"

#include <stdlib.h>

/* Which mode holds for an instance; *reason is static text. */
lethe_pixel_mode lethe_burned_in_mode(const lethe_pixel_policy *policy, const lethe_dicom_dataset *dataset, const lethe_device_match *devices,
                                      const char **reason);
LETHE_NODISCARD lethe_status lethe_pixel_decision_add(lethe_pixel_decision *decision, const lethe_pixel_box *box, lethe_error *error);
LETHE_NODISCARD lethe_status lethe_burned_in_device_boxes(const lethe_device_match *devices, const lethe_pixels_info *info,
                                                          lethe_pixel_decision *decision, lethe_error *error);
/* Boxes and kept places of the project's own rules; `devices` learns what they say of the device. */
LETHE_NODISCARD lethe_status lethe_burned_in_own_rules(const lethe_pixel_policy *policy, const lethe_dicom_dataset *dataset,
                                                       const lethe_pixels_info *info, lethe_device_match *devices, lethe_pixel_decision *decision,
                                                       lethe_error *error);
LETHE_NODISCARD lethe_status lethe_burned_in_region_boxes(const lethe_dicom_dataset *dataset, const lethe_pixels_info *info,
                                                          lethe_pixel_decision *decision, bool *used, lethe_error *error);
/* What text says (burned_in_words.c). A marker is a laterality, view or projection and nothing else; identifying is a date, a long number or a word
 * that introduces a name; `identifiers` may be NULL. */
bool lethe_burned_in_is_marker(const char *text);
bool lethe_burned_in_looks_identifying(const char *text);
bool lethe_burned_in_names_someone(const lethe_identifiers *identifiers, const char *text);
/* Can every byte of the pixel data be accounted for? Looks at all frames of every modality, decodes none. What nobody can follow quarantines (the
 * verdict, not an error); bytes beside the samples set `strip_streams`, raw words with bits that are no sample's `clear_unused_bits`. `fd`: the file,
 * or -1. */
LETHE_NODISCARD lethe_status lethe_burned_in_layout(int fd, const lethe_dicom_dataset *dataset, lethe_pixels *pixels, lethe_pixel_decision *decision,
                                                    lethe_error *error);
/* Does one of the boxes from `first` on, found in the pixels, take more than a fifth of the picture, with more than 96 pixels either way? Then a
 * person has to look: anatomy is lost more likely than letters of that size are there. */
bool lethe_burned_in_takes_much(const lethe_pixel_decision *decision, size_t first, const lethe_pixels_info *info);
bool lethe_burned_in_has_embedded_overlay(const lethe_dicom_dataset *dataset, const lethe_pixels_info *info);

#endif
