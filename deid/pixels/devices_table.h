/* The tables behind devices.h. Layer: deid. */
#ifndef LETHE_DEID_DEVICES_TABLE_H
#define LETHE_DEID_DEVICES_TABLE_H

#include "deid/pixels/devices.h"

extern const lethe_device_condition lethe_device_condition_table[];
extern const lethe_device_box lethe_device_box_table[];
extern const lethe_device_rule lethe_device_rule_table[];
extern const size_t lethe_device_rule_table_count;

#endif
