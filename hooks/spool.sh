# Shared by the hooks: writes one request into the spool so that it survives a crash the moment the hook returns.
# Slurm starts hooks with an almost empty environment. Slurm's resume file is gone within seconds, so it is copied whole.
#
# A request is one file in $MUSTER_STATE_DIR/spool/new, named after a UUID:
#   muster-request 1
#   verb resume
#   hostlist queue1-dy-c5xlarge-[1-4]
#   resume-file present|absent
#   (an empty line, then the resume file as it was)
# It is written in tmp/, synced, renamed, and the folder synced: a reader never sees half of one.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

spool_request() {
  verb=$1
  hostlist=${2-}
  spool=${MUSTER_STATE_DIR:-/var/lib/muster}/spool
  umask 007
  if ! [ -d "$spool/new" ] || ! [ -d "$spool/tmp" ]; then
    mkdir -p "$spool/new" "$spool/tmp" || fail "cannot create $spool: is MUSTER_STATE_DIR right, and may $(id -un) write there?"
  fi
  read -r id </proc/sys/kernel/random/uuid || fail 'cannot read /proc/sys/kernel/random/uuid'
  state=absent
  [ -n "${SLURM_RESUME_FILE-}" ] && [ -r "$SLURM_RESUME_FILE" ] && state=present
  {
    printf 'muster-request 1\nverb %s\nhostlist %s\nresume-file %s\n\n' "$verb" "$hostlist" "$state"
    [ "$state" = absent ] || cat "$SLURM_RESUME_FILE"
  } >"$spool/tmp/$id" || fail "cannot write $spool/tmp/$id"
  sync "$spool/tmp/$id" && mv "$spool/tmp/$id" "$spool/new/$id" && sync "$spool/new" ||
    fail "cannot make the request durable in $spool"
}

fail() {
  # slurmctld throws a hook's output away; the system log is where someone may look.
  echo "muster: $1; nothing was launched or terminated for it" >&2
  logger -t muster -p daemon.err "$verb $hostlist: $1" 2>/dev/null
  exit 1
}
