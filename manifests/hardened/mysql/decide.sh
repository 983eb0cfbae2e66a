#!/bin/bash
# What a pod does about its data. Pure: everything comes in as arguments, the decision goes out as a line.
#
#   decide.sh fill  ORDINAL BOOTSTRAP          < states    an empty volume:  wait | bootstrap | clone N
#   decide.sh serve MINE PATIENCE              < states    ordinal 0 with data:  wait | serve | reclone N
#
# `states` has a line for each peer: its ordinal, then EMPTY | RECLONE | STARTING | DATA applied received | NONE.
# BOOTSTRAP is yes or no. PATIENCE is over or not: whether peers that do not answer have been waited for long enough.
. "${SCRIPTS:-/scripts}/lib.sh"

best=; best_sequence=-1; empty=0; silent=0; peers=0
while read -r peer state _ received; do
    peers=$((peers + 1))
    case $state in
    DATA)
        position=$(sequence "$received")
        if [ "$position" -gt "$best_sequence" ]; then best=$peer; best_sequence=$position; fi
        ;;
    EMPTY) empty=$((empty + 1)) ;;
    *) silent=$((silent + 1)) ;;
    esac
done

case $1 in
fill)
    if [ -n "$best" ]; then
        # A replica may start from any peer: what it lacks, replication brings. Ordinal 0 becomes the source of all
        # the others, so it must not take a peer that is behind one that has not answered yet.
        if [ "$2" != 0 ] || [ $silent = 0 ]; then echo "clone $best"; else echo wait; fi
    elif [ "$2" = 0 ] && [ "$3" = yes ] && [ $empty = $peers ]; then
        echo bootstrap
    else
        echo wait
    fi
    ;;
serve)
    if [ -n "$best" ] && [ "$best_sequence" -gt "$(sequence "$2")" ]; then
        if [ $silent = 0 ] || [ "$3" = over ]; then echo "reclone $best"; else echo wait; fi
    elif [ $silent = 0 ]; then
        echo serve
    elif [ "$3" = over ] && [ $silent -lt $peers ]; then
        echo serve
    else
        echo wait
    fi
    ;;
esac
