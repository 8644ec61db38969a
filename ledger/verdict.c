#include "ledger/verdict.h"

#include "crypto/base/check.h"

struct verdict_row {
    const char *word;
    enum outcome outcome;
    const char *text;
};

static const struct verdict_row rows[] = {
#define X(verdict, word, outcome, text) [verdict] = {word, outcome, text},
    VERDICT_LIST(X)
#undef X
};

bool verdict_is_stateless(enum verdict v)
{
    CHECK((unsigned)v < VERDICT_COUNT);
    return v > VERDICT_OK && v <= VERDICT_BAD_SIGNATURE; /* the order of VERDICT_LIST */
}

const char *verdict_word(enum verdict v)
{
    CHECK((unsigned)v < VERDICT_COUNT);
    return rows[v].word;
}

const char *verdict_text(enum verdict v)
{
    CHECK((unsigned)v < VERDICT_COUNT);
    return rows[v].text;
}

enum outcome verdict_outcome(enum verdict v)
{
    CHECK((unsigned)v < VERDICT_COUNT);
    return rows[v].outcome;
}
