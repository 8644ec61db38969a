# The commands of ledger/TOUR.md, run as they stand there.
SOURCES=$(cd "$(dirname "$0")/../.." && pwd)
README=$SOURCES/ledger/TOUR.md BLOCKS=8
. "$(dirname "$0")/readme.sh"
