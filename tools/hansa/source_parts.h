/* What source.c, source_dir.c and source_node.c share; nobody else includes this. */
#ifndef TOOLS_HANSA_SOURCE_PARTS_H
#define TOOLS_HANSA_SOURCE_PARTS_H

#include "tools/hansa/source.h"

extern const struct source_kind source_kind_dir;
extern const struct source_kind source_kind_node;

/* Owns: takes nodes. */
struct source_node *source_node_new(struct source *s, struct nodes *nodes);
void source_node_free(struct source *s);
/* Why a read of the state failed, or "". */
const char *source_node_words(const struct source_node *n);
uint64_t source_node_height(const struct source_node *n);
const struct nodes *source_node_nodes(const struct source_node *n);
/* Who answers, or MEMBERS_MAX while nobody has. */
uint32_t source_node_pinned(const struct source_node *n);
/* Who answered last: another one only when a proof was asked for that the pinned one had not. */
uint32_t source_node_last(const struct source_node *n);

#endif
