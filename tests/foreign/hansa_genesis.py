"""The genesis file (section 3 of ledger/FORMATS.md): judges it and computes its chain id."""
from hansa_formats import H, MAX_U64, decimal, text8, u
from hansa_json import (address, choice, fields, integer, link_key, minor_units, must, objects,
                        parse, sign_key, text, unique)

# The parameters in their order: name, default, least, most.
PARAMETERS = (
    ("pipeline_heights", 8, 1, 64), ("checkpoint_every_heights", 128, 4, 4096),
    ("window_heights", 256, 8, 16384), ("block_bytes_max", 1048576, 131200, 1048576),
    ("sync_blocks_max", 64, 1, 1024), ("nonce_window", 64, 1, 1024),
    ("pool_txs_max", 8192, 64, 1048576), ("pool_bytes_max", 33554432, 4194304, 1073741824),
    ("term_blocks", 0, 0, 1000000000), ("clock_skew_ms", 5000, 100, 600000),
    ("batch_ms", 5, 0, 10000), ("view_change_ms", 1000, 50, 600000),
    ("view_change_cap_ms", 60000, 50, 3600000), ("fairness_ms", 2000, 50, 600000),
    ("status_ms", 250, 10, 60000), ("retransmit_ms", 500, 10, 60000),
    ("quiet_checkpoint_ms", 2000, 100, 3600000), ("read_ms", 1000, 50, 600000))


class Genesis:
    """What a verifier needs: chain_id, sign_keys by member, and each asset's decimals."""

    def __init__(self, file):
        version, chain, members, participants, assets, balances, reads, parameters = fields(
            parse(file), ("hansa_genesis", "chain", "members", "participants"),
            assets=[], balances=[], reads="open", parameters={})
        integer(version, "hansa_genesis", 1, 1)
        self.keys = []
        canonical = (u(1, 1) + text8(text(chain, "name")) + self.members(members)
                     + self.participants(participants) + self.assets(assets)
                     + self.balances(balances) + choice(reads, "reads", "open", "participants")
                     + parameters_form(parameters))
        unique(self.keys, "a key")
        self.chain_id = H("hansa-genesis", canonical)
        self.block_bytes_max = parameters.get("block_bytes_max", 1048576)

    def members(self, value):
        rows = [fields(member, ("name", "sign_key", "link_key", "peer", "client"))
                for member in objects(value, "members", 4, 31)]
        unique([text(row[0], "name") for row in rows], "a member's name")
        self.sign_keys = [sign_key(row[1], "sign_key") for row in rows]
        link_keys = [link_key(row[2]) for row in rows]
        self.keys += self.sign_keys + link_keys
        unique([address(a) for row in rows for a in row[3:]], "an address")
        return u(1, len(rows)) + b"".join(
            text8(name) + sign + link + text8(peer) + text8(client)
            for (name, _, _, peer, client), sign, link in zip(rows, self.sign_keys, link_keys))

    def participants(self, value):
        forms = {}
        for item in objects(value, "participants", 0, 4096):
            name, keys, role = fields(item, ("name", "keys"), role="none")
            must(text(name, "name") not in forms, f"participant {name} stands twice")
            keys = sorted(sign_key(key, "key") for key in objects(keys, "keys", 1, 8))
            self.keys += keys
            forms[name] = (text8(name) + choice(role, "role", "none", "governor")
                           + u(1, len(keys)) + b"".join(keys))
        self.names = set(forms)
        return joined(forms)

    def assets(self, value):
        self.decimals, forms = {}, {}
        for item in objects(value, "assets", 0, 256):
            code, decimals, issuer = fields(item, ("code", "decimals", "issuer"))
            must(text(code, "asset code") not in forms, f"asset {code} stands twice")
            must(text(issuer, "name") in self.names, f"issuer {issuer} is no participant")
            self.decimals[code] = integer(decimals, "decimals", 0, 8)
            forms[code] = text8(code) + u(1, decimals) + text8(issuer)
        return joined(forms)

    def balances(self, value):
        forms, supply = {}, dict.fromkeys(self.decimals, 0)
        for item in objects(value, "balances", 0, 65536):
            account, asset, amount = fields(item, ("account", "asset", "amount"))
            owner = text(account, "account").split("/")[0]
            must(owner in self.names, f"account {account} is of no participant")
            must(text(asset, "asset code") in supply, f"there is no asset {asset}")
            must((account, asset) not in forms, f"the balance of {account} in {asset} stands twice")
            units = minor_units(amount, self.decimals[asset])
            supply[asset] = integer(supply[asset] + units, f"the sum of {asset}", 1, MAX_U64)
            forms[account, asset] = text8(account) + text8(asset) + u(8, units)
        return joined(forms)

    def money(self, amount, asset):
        """An amount in words; without decimals known for the asset, in its minor units."""
        if asset not in self.decimals:
            return f"{amount} minor units of {asset}"
        return f"{decimal(amount, self.decimals[asset])} {asset}"


def joined(forms):
    return u(4, len(forms)) + b"".join(forms[key] for key in sorted(forms))


def parameters_form(value):
    values = fields(value, (), **{name: default for name, default, _, _ in PARAMETERS})
    values = [integer(v, name, least, most)
              for v, (name, _, least, most) in zip(values, PARAMETERS)]
    p = dict(zip([row[0] for row in PARAMETERS], values))
    must(p["window_heights"] >= 2 * p["checkpoint_every_heights"], "L is below 2K")
    must(p["checkpoint_every_heights"] >= 2 * p["pipeline_heights"], "2K is below 4P")
    must(p["view_change_cap_ms"] >= p["view_change_ms"], "T_cap is below T_0")
    must(p["nonce_window"] <= p["pool_txs_max"], "A is above N_tx")
    return b"".join(u(8, v) for v in values)
