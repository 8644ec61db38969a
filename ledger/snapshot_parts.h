/* What making and judging pieces share: the bytes that say which kind a piece is. Nobody else
 * includes this. */
#ifndef LEDGER_SNAPSHOT_PARTS_H
#define LEDGER_SNAPSHOT_PARTS_H

enum snapshot_kind { PIECE_ENTRIES = 1, PIECE_NODE = 2 };

#endif
