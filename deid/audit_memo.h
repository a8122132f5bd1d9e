/* Remembers which patterns a text became, so that values which come again in file after file of a series need not be written in all encodings each
 * time. It never decides what is searched for. Layer: deid. Thread rule: one thread at a time per object. */
#ifndef LETHE_DEID_AUDIT_MEMO_H
#define LETHE_DEID_AUDIT_MEMO_H

#include "deid/matcher.h"

typedef struct lethe_audit_memo lethe_audit_memo;
lethe_audit_memo *lethe_audit_memo_create(void); /* NULL when memory is short */
void lethe_audit_memo_destroy(lethe_audit_memo *memo);
/* Forget everything: whenever the matcher has. */
void lethe_audit_memo_clear(lethe_audit_memo *memo);
/* Wake the patterns of a text in the order in which they were added. False when it is not known: add them between start and finish. */
bool lethe_audit_memo_replay(const lethe_audit_memo *memo, lethe_matcher *matcher, const char *text, size_t size, uint16_t label);
void lethe_audit_memo_start(lethe_audit_memo *memo);
void lethe_audit_memo_note(lethe_audit_memo *memo, uint32_t index, uint16_t label);
void lethe_audit_memo_finish(lethe_audit_memo *memo, const char *text, size_t size, uint16_t label);

#endif
