/* What may stand in the name and address fields of a key. */
#include <arpa/inet.h>
#include <string.h>

#include "crypto/keyfile.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

bool key_name_is_valid(struct bytes name)
{
    if (name.size == 0 || name.size > KEY_NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (!is_lower(name.data[i]) && !is_digit(name.data[i]) && name.data[i] != '-')
            return false;
    return true;
}

/* 1..65535 in its one spelling: no sign, no leading zero. */
static bool port_is_valid(struct bytes port)
{
    if (port.size == 0 || port.size > 5 || port.data[0] == '0')
        return false;
    uint32_t value = 0;
    for (size_t i = 0; i < port.size; i++) {
        if (!is_digit(port.data[i]))
            return false;
        value = value * 10 + (uint32_t)(port.data[i] - '0');
    }
    return value <= 65535;
}

static bool ipv6_is_valid(struct bytes host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (host.size >= sizeof text || memchr(host.data, '\0', host.size) != NULL)
        return false;
    memcpy(text, host.data, host.size);
    text[host.size] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool host_is_valid(struct bytes host)
{
    if (host.size >= 2 && host.data[0] == '[' && host.data[host.size - 1] == ']')
        return ipv6_is_valid(bytes_of(host.data + 1, host.size - 2));
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = host.data[i];
        bool is_upper = c >= 'A' && c <= 'Z';
        if (!is_lower(c) && !is_upper && !is_digit(c) && c != '.' && c != '-')
            return false;
    }
    return host.size > 0;
}

bool key_address_is_valid(struct bytes address)
{
    if (address.size == 0 || address.size > KEY_ADDRESS_BYTES_MAX)
        return false;
    const uint8_t *colon = memrchr(address.data, ':', address.size);
    if (colon == NULL)
        return false;
    size_t host_bytes = (size_t)(colon - address.data);
    return host_is_valid(bytes_of(address.data, host_bytes)) &&
           port_is_valid(bytes_of(colon + 1, address.size - host_bytes - 1));
}
