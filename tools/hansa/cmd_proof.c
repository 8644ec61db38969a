/* `hansa proof verify`: one entry of the state, or its absence, held against the genesis alone. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger/receipt.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/files.h"
#include "tools/hansa/render.h"

/* What a proof says, decoded: the tree proves bytes, here they get a meaning. */
struct meaning {
    struct bytes account, asset;           /* STATE_BALANCE; asset also STATE_ASSET */
    struct bytes participant, topic, name; /* STATE_RECORD; participant also STATE_PARTICIPANT */
    struct public_key key;                 /* STATE_KEY */
    struct state_balance balance;
    struct state_key state_key;
    struct state_participant state_participant;
    struct state_asset state_asset;
    struct state_record record;
};

/* ---- judging: a key that no state can have proves an absence of nothing ---- */

static bool judge_key(struct meaning *m, const struct state_proof *p)
{
    switch (p->table) {
    case STATE_BALANCE:
        return state_balance_key_split(p->key, &m->account, &m->asset) &&
               account_is_valid(m->account) && asset_is_valid(m->asset);
    case STATE_RECORD:
        return state_record_key_split(p->key, &m->participant, &m->topic, &m->name) &&
               participant_is_valid(m->participant) && text_is_valid(m->topic) &&
               text_is_valid(m->name);
    case STATE_PARTICIPANT:
        m->participant = p->key;
        return participant_is_valid(p->key);
    case STATE_ASSET:
        m->asset = p->key;
        return asset_is_valid(p->key);
    case STATE_KEY:
        if (p->key.size != PUBLIC_KEY_BYTES)
            return false;
        memcpy(m->key.bytes, p->key.data, PUBLIC_KEY_BYTES);
        return true;
    case STATE_TABLE_END:
        return false;
    }
    return false;
}

static bool judge_value(struct meaning *m, const struct state_proof *p)
{
    if (!p->present)
        return true;
    switch (p->table) {
    case STATE_BALANCE:
        return state_balance_decode(&m->balance, p->value);
    case STATE_RECORD:
        return state_record_decode(&m->record, p->value);
    case STATE_PARTICIPANT:
        return state_participant_decode(&m->state_participant, p->value);
    case STATE_ASSET:
        return state_asset_decode(&m->state_asset, p->value) &&
               participant_is_valid(m->state_asset.issuer);
    case STATE_KEY:
        return state_key_decode(&m->state_key, p->value) &&
               participant_is_valid(m->state_key.participant);
    case STATE_TABLE_END:
        return false;
    }
    return false;
}

/* ---- JSON ---- */

static json_t *participant_keys_json(const struct state_participant *p)
{
    json_t *keys = json_array();
    for (uint32_t i = 0; i < p->keys_count; i++) {
        char hex[PUBLIC_KEY_HEX_BYTES];
        public_key_to_hex(hex, &p->keys[i]);
        json_array_append_new(keys, json_string(hex));
    }
    return keys;
}

static void set_subject(json_t *out, const struct meaning *m, enum state_table table)
{
    static const char *const tables[] = {[STATE_PARTICIPANT] = "participant",
                                         [STATE_KEY] = "key",
                                         [STATE_ASSET] = "asset",
                                         [STATE_BALANCE] = "balance",
                                         [STATE_RECORD] = "record"};
    json_object_set_new(out, "table", json_string(tables[table]));
    if (table == STATE_BALANCE)
        render_set_text(out, "account", m->account);
    if (table == STATE_BALANCE || table == STATE_ASSET)
        render_set_text(out, "asset", m->asset);
    if (table == STATE_PARTICIPANT || table == STATE_RECORD)
        render_set_text(out, "participant", m->participant);
    if (table == STATE_KEY)
        render_set_public_key(out, "key", &m->key);
    if (table == STATE_RECORD) {
        render_set_text(out, "topic", m->topic);
        render_set_text(out, "record_key", m->name);
    }
}

static void set_value(json_t *out, const struct meaning *m, enum state_table table,
                      const struct genesis *g)
{
    if (table == STATE_BALANCE) {
        render_amount_into(out, "amount", m->balance.amount, m->asset, g);
        render_set_number(out, "entries_count", m->balance.entries_count);
    }
    if (table == STATE_ASSET) {
        render_set_number(out, "decimals", m->state_asset.decimals);
        render_set_text(out, "issuer", m->state_asset.issuer);
        render_amount_into(out, "supply", m->state_asset.supply, m->asset, g);
    }
    if (table == STATE_PARTICIPANT) {
        bool is_governor = m->state_participant.role == ROLE_GOVERNOR;
        json_object_set_new(out, "role", json_string(is_governor ? "governor" : "none"));
        json_object_set_new(out, "keys", participant_keys_json(&m->state_participant));
    }
    if (table == STATE_KEY) {
        render_set_text(out, "participant", m->state_key.participant);
        render_set_number(out, "nonce", m->state_key.nonce);
        json_object_set_new(out, "revoked", json_boolean(m->state_key.revoked));
    }
    if (table == STATE_RECORD) {
        render_set_number(out, "version", m->record.version);
        render_set_digest(out, "txid", &m->record.txid);
        render_set_digest(out, "data_hash", &m->record.data_hash);
        render_set_number(out, "data_bytes", m->record.data_bytes);
    }
}

static enum cli_exit answer_json(struct cli *c, const struct state_proof *p,
                                 const struct meaning *m, const struct genesis *g)
{
    json_t *out = json_pack("{s:b, s:b}", "holds", 1, "present", (int)p->present);
    render_set_text(out, "chain", bytes_of_text(g->chain));
    render_set_number(out, "height", p->certificate.statement.height);
    render_set_digest(out, "state_root", &p->certificate.statement.state_root);
    set_subject(out, m, p->table);
    if (p->present)
        set_value(out, m, p->table, g);
    json_object_set_new(out, "certificate", render_certificate_json(&p->certificate, g));
    return cli_answer(c, out);
}

/* ---- words ---- */

#define TEXT(bytes) (int)(bytes).size, (const char *)(bytes).data

static void print_present(const struct meaning *m, enum state_table table, const struct genesis *g)
{
    char amount[RENDER_AMOUNT_BYTES];
    char hex[DIGEST_HEX_BYTES];
    switch (table) {
    case STATE_BALANCE:
        printf("account %.*s held %s", TEXT(m->account),
               render_amount(amount, m->balance.amount, m->asset, g));
        printf(",\nafter %" PRIu64 " entr%s in its history", m->balance.entries_count,
               m->balance.entries_count == 1 ? "y" : "ies");
        break;
    case STATE_ASSET:
        printf("asset %.*s was issued by %.*s, and its supply was %s", TEXT(m->asset),
               TEXT(m->state_asset.issuer),
               render_amount(amount, m->state_asset.supply, m->asset, g));
        break;
    case STATE_PARTICIPANT:
        printf("participant %.*s existed%s, with %" PRIu32 " active key%s", TEXT(m->participant),
               m->state_participant.role == ROLE_GOVERNOR ? " as a governor" : "",
               m->state_participant.keys_count, cli_plural(m->state_participant.keys_count));
        for (uint32_t i = 0; i < m->state_participant.keys_count; i++) {
            public_key_to_hex(hex, &m->state_participant.keys[i]);
            printf("\n  %s", hex);
        }
        break;
    case STATE_KEY:
        public_key_to_hex(hex, &m->key);
        printf("key %s\nwas %s key of participant %.*s; its last nonce was %" PRIu64, hex,
               m->state_key.revoked ? "a revoked" : "an active", TEXT(m->state_key.participant),
               m->state_key.nonce);
        break;
    case STATE_RECORD:
        digest_to_hex(hex, &m->record.txid);
        printf("record \"%.*s\" of topic \"%.*s\" of participant %.*s was at version %" PRIu64
               ",\nset by transaction %s",
               TEXT(m->name), TEXT(m->topic), TEXT(m->participant), m->record.version, hex);
        digest_to_hex(hex, &m->record.data_hash);
        printf(",\nwith %" PRIu32 " byte%s of data, whose hash is %s", m->record.data_bytes,
               cli_plural(m->record.data_bytes), hex);
        break;
    case STATE_TABLE_END:
        break;
    }
}

static void print_absent(const struct meaning *m, enum state_table table)
{
    char hex[PUBLIC_KEY_HEX_BYTES];
    switch (table) {
    case STATE_BALANCE:
        printf("account %.*s had never held any %.*s", TEXT(m->account), TEXT(m->asset));
        break;
    case STATE_ASSET:
        printf("there was no asset %.*s", TEXT(m->asset));
        break;
    case STATE_PARTICIPANT:
        printf("there was no participant %.*s", TEXT(m->participant));
        break;
    case STATE_KEY:
        public_key_to_hex(hex, &m->key);
        printf("key %s\nhad never been anybody's", hex);
        break;
    case STATE_RECORD:
        printf("participant %.*s had no record \"%.*s\" of topic \"%.*s\"", TEXT(m->participant),
               TEXT(m->name), TEXT(m->topic));
        break;
    case STATE_TABLE_END:
        break;
    }
}

static enum cli_exit answer(struct cli *c, const struct state_proof *p, const struct meaning *m,
                            const struct genesis *g)
{
    if (c->json)
        return answer_json(c, p, m, g);
    const struct statement *s = &p->certificate.statement;
    printf("This proof shows that on chain '%s' at height %" PRIu64 "\n", g->chain, s->height);
    if (p->present)
        print_present(m, p->table, g);
    else
        print_absent(m, p->table);
    printf(".\n\n");
    char hex[DIGEST_HEX_BYTES];
    digest_to_hex(hex, &s->state_root);
    cli_line("state root", "%s", hex);
    render_certificate_text(&p->certificate, g);
    return CLI_DONE;
}

/* ---- the command ---- */

static enum cli_exit verify(struct cli *c, struct buf *file, const struct genesis *g)
{
    struct why why = {""};
    char quoted[CLI_QUOTE_BYTES];
    const char *path = cli_argument(c, 0);
    enum rc rc = file_read(file, path, PROOF_BYTES_MAX, "a proof", &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    struct state_proof proof;
    struct meaning meaning = {0};
    rc = proof_verify(&proof, buf_bytes(file), &g->chain_id, &g->member_table, &why);
    if (rc == RC_OK && !judge_key(&meaning, &proof))
        rc = why_set(&why, RC_PROOF, "key: no entry of the state has such a key");
    if (rc == RC_OK && !judge_value(&meaning, &proof))
        rc = why_set(&why, RC_PROOF, "value: no entry of the state has such a value");
    if (rc == RC_OK)
        return answer(c, &proof, &meaning, g);
    const char *guess = rc == RC_MALFORMED ? file_guess(buf_bytes(file)) : NULL;
    if (guess != NULL && strncmp(guess, "a proof:", strlen("a proof:")) != 0)
        rc = why_set(&why, rc, "this is %s", guess);
    rc = why_within(&why, rc, "%s: this proof shows nothing", cli_quote(quoted, path));
    return cli_fail_holds(c, rc, &why, NULL);
}

static enum cli_exit run(struct cli *c)
{
    return file_act_with_genesis(c, verify);
}

static const struct cli_argument arguments[] = {{"FILE", CLI_REQUIRED, "the proof"}, {0}};

static const struct cli_option options[] = {
    {"genesis", "FILE", CLI_OPTIONAL,
     "the chain's genesis file, which is all that is trusted; else HANSA_GENESIS"},
    {0}};

const struct command cmd_proof_verify = {
    .words = "proof verify",
    .summary = "verify a state proof offline: a balance, a key, a record, or that there is none",
    .arguments = arguments,
    .options = options,
    .text =
        "With --json the answer has \"holds\": true; else the error's details have it as false.",
    .example = "hansa proof verify balance.proof --genesis genesis.json",
    .exits = "0 it holds; 1 it does not (the words name the field); 3 the bytes are no proof,\n"
             "or one of another chain; 5 a file cannot be read",
    .run = run,
};
