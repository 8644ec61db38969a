/* All subcommands. To add one: write cmd_NAME.c with `const struct command cmd_name = {...};` and
 * add its line here; help, dispatch and --json follow. Of two that fit a command line the one with
 * more words wins ("tx show FILE" before "tx TXID"). The order is that of `hansa --help`. */
#ifndef TOOLS_HANSA_COMMANDS_H
#define TOOLS_HANSA_COMMANDS_H

#include "tools/hansa/cli.h"

#define COMMAND_LIST(X)                                                                            \
    X(cmd_keygen)                                                                                  \
    X(cmd_key_show)                                                                                \
    X(cmd_genesis_init)                                                                            \
    X(cmd_genesis_show)                                                                            \
    X(cmd_sign)                                                                                    \
    X(cmd_sign_transfer)                                                                           \
    X(cmd_sign_issue)                                                                              \
    X(cmd_sign_redeem)                                                                             \
    X(cmd_sign_record)                                                                             \
    X(cmd_sign_key_add)                                                                            \
    X(cmd_sign_key_revoke)                                                                         \
    X(cmd_sign_cancel)                                                                             \
    X(cmd_transfer)                                                                                \
    X(cmd_issue)                                                                                   \
    X(cmd_redeem)                                                                                  \
    X(cmd_key_add)                                                                                 \
    X(cmd_key_revoke)                                                                              \
    X(cmd_cancel)                                                                                  \
    X(cmd_submit)                                                                                  \
    X(cmd_wait)                                                                                    \
    X(cmd_import)                                                                                  \
    X(cmd_import_show)                                                                             \
    X(cmd_sandbox)                                                                                 \
    X(cmd_sandbox_stop)                                                                            \
    X(cmd_sandbox_kill)                                                                            \
    X(cmd_sandbox_start)                                                                           \
    X(cmd_bench)                                                                                   \
    X(cmd_tx_show)                                                                                 \
    X(cmd_receipt_get)                                                                             \
    X(cmd_receipt_verify)                                                                          \
    X(cmd_proof_verify)                                                                            \
    X(cmd_evidence_list)                                                                           \
    X(cmd_evidence_get)                                                                            \
    X(cmd_evidence_verify)                                                                         \
    X(cmd_status)                                                                                  \
    X(cmd_metrics)                                                                                 \
    X(cmd_backup)                                                                                  \
    X(cmd_audit)                                                                                   \
    X(cmd_export)                                                                                  \
    X(cmd_account)                                                                                 \
    X(cmd_history)                                                                                 \
    X(cmd_tx)                                                                                      \
    X(cmd_block)                                                                                   \
    X(cmd_record_get)                                                                              \
    X(cmd_record_history)                                                                          \
    X(cmd_record_verify)                                                                           \
    X(cmd_record_put)                                                                              \
    X(cmd_assets)                                                                                  \
    X(cmd_participants)

#define X(row) extern const struct command row;
COMMAND_LIST(X)
#undef X

#endif
