# Shared by the hooks: writes one request into the spool so that it survives a crash the moment the hook returns.
# Slurm starts hooks with an almost empty environment. Slurm's resume file is gone within seconds, so it is copied whole.
#
# A request is one file in $MUSTER_STATE_DIR/spool/new, named after a UUID:
#   muster-request 1
#   verb resume
#   hostlist queue1-dy-c5xlarge-[1-4]
#   resume-file present|absent
#   (an empty line, then the resume file as it was, without line breaks at its end)
# It is written in tmp/, synced, renamed, and the folder synced: a reader never sees half of one.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

spool_request() {
  verb=$1
  hostlist=${2-}
  spool=${MUSTER_STATE_DIR:-/var/lib/muster}/spool
  umask 007
  case $hostlist in
    *'
'*) fail 'the hostlist has a line break' ;;
  esac
  if ! [ -d "$spool/new" ] || ! [ -d "$spool/tmp" ]; then
    mkdir -p "$spool/new" "$spool/tmp" || fail "cannot create $spool: is MUSTER_STATE_DIR right, and may $(id -un) write there?"
  fi
  read -r id </proc/sys/kernel/random/uuid || fail 'cannot read /proc/sys/kernel/random/uuid'
  # Read before it is written: a resume file that cannot be read costs the jobs' names, not the request.
  state=absent
  jobs=
  if [ -n "${SLURM_RESUME_FILE-}" ]; then
    if jobs=$(cat "$SLURM_RESUME_FILE"); then
      state=present
    else
      jobs=
      tell "cannot read SLURM_RESUME_FILE ($SLURM_RESUME_FILE): the nodes are launched, their jobs unknown"
    fi
  fi
  printf 'muster-request 1\nverb %s\nhostlist %s\nresume-file %s\n\n%s' "$verb" "$hostlist" "$state" "$jobs" \
    >"$spool/tmp/$id" || fail "cannot write $spool/tmp/$id"
  sync "$spool/tmp/$id" && mv "$spool/tmp/$id" "$spool/new/$id" && sync "$spool/new" ||
    fail "cannot make the request durable in $spool"
}

fail() {
  tell "$1; nothing was launched or terminated for it"
  exit 1
}

# slurmctld throws a hook's output away; the system log is where someone may look.
tell() {
  echo "muster: $1" >&2
  logger -t muster -p daemon.err "$verb $hostlist: $1" 2>/dev/null
}
