# Whether a pod may serve the data on its volume, or where it gets data from. Sourced. The rule, as a table:
# docs/hardened-stack.md.

# decide ORDINAL MINE BOOTSTRAP ALLOW_MISSING_PEERS PATIENT PEER...
#
# MINE: EMPTY, DATA:<position>, or MARKED:<position> (data that was found too old to be replicated to).
# BOOTSTRAP, ALLOW_MISSING_PEERS: yes or no.
# PATIENT: yes while a pod that has data and a witness for it should still wait for the other peers' answers.
# PEER: <ordinal>=EMPTY | STARTING | SILENT | DATA:<received position>:live | DATA:<received position>:disk
#
# Prints one line: START, BOOTSTRAP, CLONE <ordinal> <position>, or WAIT, each with its reason. No I/O.
decide() {
  local ordinal=$1 mine=$2 bootstrap=$3 allow_missing=$4 patient=$5
  shift 5
  local peer answer position best='' best_at='' best_is='' unknown='' witness='' empty=0 all=$#
  for peer in "$@"; do
    answer=${peer#*=}
    case $answer in
      EMPTY) ((empty += 1)) ;;
      DATA:*)
        witness+=" ${peer%%=*}"
        position=${answer#DATA:}
        position=${position%:*}
        # Of equals the one that can serve a clone at once, and a replica rather than the primary.
        if [[ -z $best ]] || ahead "$position" "$best_at" ||
          { [[ $position == "$best_at" ]] && [[ $best_is != live || ${answer##*:} == live ]]; }; then
          best=${peer%%=*} best_at=$position best_is=${answer##*:}
        fi
        ;;
      *) unknown+=" ${peer%%=*}" ;;
    esac
  done
  local held=${mine#*:}

  if [[ $mine == DATA:* ]]; then
    if [[ $ordinal != 0 ]]; then
      echo "START: a replica with data; the primary tells whether it is too old"
      return
    fi
    if [[ -z $best ]] || ! ahead "$best_at" "$held"; then
      if [[ -z $unknown ]]; then
        echo "START: no peer is ahead of $held"
      elif [[ $allow_missing == yes ]]; then
        echo "START: ALLOW_MISSING_PEERS, without an answer of$unknown"
      elif [[ -z $witness ]]; then
        echo "WAIT: no peer with data has confirmed that $held is the newest; no answer of$unknown"
      elif [[ $patient == yes ]]; then
        echo "WAIT: no answer yet of$unknown"
      else
        echo "START: peer$witness not ahead of $held; no answer of$unknown"
      fi
      return
    fi
  elif [[ -z $best ]]; then
    if [[ $mine == EMPTY && $ordinal == 0 && $bootstrap == yes && $empty == "$all" ]]; then
      echo "BOOTSTRAP: all peers are empty and BOOTSTRAP is yes"
    else
      echo "WAIT: no peer has data ($empty empty; no answer of${unknown:- none}; BOOTSTRAP $bootstrap)"
    fi
    return
  elif [[ $mine == MARKED:* ]] && ! ahead "$best_at" "$held"; then
    echo "WAIT: marked to be cloned again, but no peer is ahead of $held"
    return
  fi

  # What only the silent one received would be lost: it was acknowledged, and this pod is about to become the primary.
  if [[ $ordinal == 0 && -n $unknown && $allow_missing != yes ]]; then
    echo "WAIT: peer $best has $best_at, but any of$unknown may have more"
  elif [[ $best_is != live ]]; then
    echo "WAIT: peer $best has $best_at and is not up yet"
  else
    echo "CLONE $best $best_at: it is the most advanced"
  fi
}
