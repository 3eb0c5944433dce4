/**
 * The shell scripts that the lab installs in its own directory: what slurmctld calls (they set muster's folders, which
 * slurmctld's empty environment lacks, and hand over to muster's hooks), what an instance runs when it boots
 * (muster's own node/muster-node, with the lab's folders), and how a
 * program of another system's Slurm is run (slurm-root.ts).
 * Every value in them is the lab's own and of harmless characters (`isPlainPath` of lab-dir.ts).
 */
import type { LabPaths } from './lab-dir.ts';
import { LAB_ID_VARIABLE } from './processes.ts';

export const HOOKS = ['resume', 'suspend', 'resume-fail'] as const;

/** A wrapper that slurmctld calls as ResumeProgram and so on. */
export function hookWrapper(paths: LabPaths, labId: string, hook: string): string {
  return `#!/bin/sh
# Written by "muster lab": ${hook} with the lab's folders.
${LAB_ID_VARIABLE}=${labId}
MUSTER_STATE_DIR=${paths.musterState}
MUSTER_RUN_DIR=${paths.musterRun}
MUSTER_LOG_DIR=${paths.musterLog}
export ${LAB_ID_VARIABLE} MUSTER_STATE_DIR MUSTER_RUN_DIR MUSTER_LOG_DIR
exec ${paths.hooks}/${hook} "$@"
`;
}

/**
 * What an instance runs: muster-node. It knows its own id alone (INSTANCE_ID, set by the simulator as EC2's metadata would be)
 * and learns its node name from the registry, where muster writes it only after the gang is whole and Slurm has the address.
 * The shell gives way to muster-node, and that keeps slurmd in its process group, so that ending the group ends the
 * instance. A step that runs then is in a session of its own: it ends with its job, or with the lab.
 */
export function bootScript(paths: LabPaths, goneAfterSeconds: number): string {
  return `#!/bin/sh
# Written by "muster lab": the boot of one instance.
PATH=${paths.instance}:$PATH
MUSTER_REGISTRY=${paths.musterState}/registry
MUSTER_GONE_AFTER=${goneAfterSeconds}
# This machine is not the instance: its exit code tells the simulator that it has shut down.
MUSTER_SHUTDOWN=true
RUNTIME_DIRECTORY=${paths.instance}/run/$INSTANCE_ID
# -b: registers as freshly booted; without it slurmctld waits for a boot that this machine never does.
SLURMD_OPTIONS='-b -f ${paths.slurmConf}'
SLURM_CONF=${paths.slurmConf}
export PATH MUSTER_REGISTRY MUSTER_GONE_AFTER MUSTER_SHUTDOWN RUNTIME_DIRECTORY SLURMD_OPTIONS SLURM_CONF
mkdir -p "$RUNTIME_DIRECTORY" || exit 1
# What instances do at once they would do on machines of their own: slurmctld and muster go first. Where the kernel shares
# the processor between sessions (autogroup), the one that counts is the session's: of 300 each would have as much as muster.
{ echo 5 > /proc/self/autogroup; } 2> /dev/null
exec nice -n 5 ${paths.instance}/muster-node > "$RUNTIME_DIRECTORY/log" 2>&1
`;
}

/** slurmd as an instance finds it in its PATH: with the folder that its node needs. Called as \`slurmd -D -N NODE ...\`. */
export function instanceSlurmd(paths: LabPaths, slurmd: string): string {
  return `#!/bin/sh
# Written by "muster lab": slurmd of one instance. A new instance's disk is empty: what slurmd kept for the node's last one is gone.
folder="${paths.nodes}/$3"
last=
[ ! -r "$folder/instance" ] || read -r last < "$folder/instance"
if [ "$last" != "$INSTANCE_ID" ]; then
  [ ! -e "$folder" ] || rm -rf "$folder"
  mkdir -p "$folder" && echo "$INSTANCE_ID" > "$folder/instance" || exit 1
fi
exec ${slurmd} "$@" > /dev/null 2>&1
`;
}

/**
 * Some seconds between the start of a slurmd, which the lab's take for their boot (`-b`), and its first registration. slurmctld
 * counts the boot back from when it reads a registration: where a later one takes a second longer than the first did, it
 * takes the node for one that has "unexpectedly rebooted" since, and sets it down. Real machines boot for longer than that.
 */
export const SETTLE_SCRIPT = `#!/bin/sh
# Written by "muster lab": what slurmd does before it registers.
exec sleep 4
`;

/** A program of the lab's Slurm as an instance finds it in its PATH. */
export function instanceProgram(program: string): string {
  return `#!/bin/sh
exec ${program} "$@"
`;
}

/**
 * What holds the system in the folder `dir` in a mount namespace that nobody else sees, with the lab's hosts file for its
 * /etc/hosts. A system other than this machine's own (`/`) is only read: what is written in it goes to memory. The lab's
 * directory stands in it at the path that it has outside.
 */
export function holdScript(paths: LabPaths, dir: string): string {
  const { slurmRoot, slurmRootTop: top, hosts } = paths;
  const mounts =
    dir === '/'
      ? `mount --bind ${hosts} /etc/hosts`
      : `mount -t tmpfs -o mode=755 muster-lab ${slurmRoot}
mkdir ${slurmRoot}/upper ${slurmRoot}/work ${top}
mount -t overlay -o lowerdir=${dir},upperdir=${slurmRoot}/upper,workdir=${slurmRoot}/work muster-lab ${top}
cp ${hosts} ${top}/etc/hosts
mkdir -p ${top}/proc ${top}/dev ${top}${paths.root}
mount --rbind /proc ${top}/proc
mount --rbind /dev ${top}/dev
mount --bind ${paths.root} ${top}${paths.root}`;
  return `#!/bin/sh
# Written by "muster lab": the Slurm of ${dir}, for this lab alone. The kernel undoes these mounts with the last process in here.
set -e
umask 022
${mounts}
exec chroot ${dir === '/' ? dir : top} sleep infinity
`;
}

/** Runs a program of the system that the process `holder` holds, in place of the shell: its pid stays. */
export function enterScript(nsenter: string, holder: number, program: string): string {
  return `#!/bin/sh
# Written by "muster lab": ${program} of the lab's own Slurm, whose system process ${holder} holds.
exec ${nsenter} --target ${holder} --mount --root --wd -- ${program} "$@"
`;
}
