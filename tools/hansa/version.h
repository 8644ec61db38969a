/* The version of the whole of Hansa, as people see it. */
#ifndef TOOLS_HANSA_VERSION_H
#define TOOLS_HANSA_VERSION_H

#define HANSA_VERSION "0.1.0"

#endif
