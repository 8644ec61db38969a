/* The version of the whole of Hansa, as a node says it; the tool's is tools/hansa/version.h. */
#ifndef NODE_HANSAD_VERSION_H
#define NODE_HANSAD_VERSION_H

#define HANSAD_VERSION "0.1.0"

#endif
