#include "tools/hansa/tx_file.h"

#include <string.h>

#include "ledger/tx.h"
#include "tools/hansa/files.h"

/* In hex, with a newline, it is twice as long. */
enum { TX_FILE_BYTES_MAX = 2 * TX_BYTES_MAX + 2 };

/* A file of lower-case hex digits, as `hansa sign` prints it, becomes bytes. A transaction itself
 * begins with its version, which is no hex digit, so the two are never mistaken. */
static void undo_hex(struct buf *file)
{
    size_t size = file->size;
    if (size > 0 && file->data[size - 1] == '\n')
        size--;
    if (size == 0 || size % 2 != 0)
        return;
    char *text = mem_alloc(size + 1);
    memcpy(text, file->data, size);
    uint8_t *bytes = mem_alloc(size / 2);
    if (strlen(text) == size && hex_decode(bytes, size / 2, text)) {
        buf_clear(file);
        buf_add(file, bytes, size / 2);
    }
    mem_free(bytes);
    mem_free(text);
}

enum rc tx_file_read(struct buf *out, const char *path, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    enum rc rc = file_read(out, path, TX_FILE_BYTES_MAX, "a transaction in hex", why);
    if (rc != RC_OK)
        return rc;
    const char *guess = file_guess(buf_bytes(out));
    if (guess != NULL)
        return why_set(why, RC_MALFORMED, "%s: this is no transaction but %s",
                       cli_quote(quoted, path), guess);
    undo_hex(out);
    return RC_OK;
}
