/* What of the clients is not decided yet, in words: for the report of a run that does not end. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "tests/sim/clients_parts.h"

enum { PENDING_WORDS = 8 /* slots named in words */ };

static const char *const kind_words[] = {[TRY_PLAIN] = "plain",
                                         [TRY_OVERDRAFT] = "overdraft",
                                         [TRY_EXPIRING] = "expiring",
                                         [TRY_CANCEL] = "cancel"};

static void say(struct buf *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct buf *words, const char *format, ...)
{
    char text[160];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_add_bytes(words, bytes_of_text(text));
}

/* What was sent for a nonce, and in whose pools it lies. */
static void say_slot(const struct sim *s, const struct client *c, const struct slot *slot,
                     struct buf *words)
{
    bool is_pooled = false;
    say(words, "\n  %s nonce %" PRIu64 ": %s", c->name, slot->nonce,
        slot->is_echo ? "sent again" : "open");
    for (uint32_t k = 0; k < slot->tries_count; k++) {
        const struct try *try = &slot->tries[k];
        say(words, ", %s%s%s%s sent %u times, next to %u", kind_words[try->kind],
            try == slot->chosen ? " committed" : "", try->is_refused ? " refused" : "",
            try->is_dead ? " rejected" : "", try->sends_count, try->next_node);
    }
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        if (!sim_node_has_pooled(s, i, &c->key.public, slot->nonce))
            continue;
        say(words, "%s %u", is_pooled ? "," : "; pooled at", i);
        is_pooled = true;
    }
    if (!is_pooled)
        say(words, "; in no pool");
}

uint32_t sim_clients_pending(const struct sim *s, struct buf *words)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->clients->count; i++) {
        const struct client *c = &s->clients->clients[i];
        for (const struct slot *slot = c->slots; slot != NULL; slot = slot->next)
            if (count++ < PENDING_WORDS && words != NULL)
                say_slot(s, c, slot, words);
    }
    return count;
}
