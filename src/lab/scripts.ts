/**
 * The shell scripts that the lab installs in its own directory: what slurmctld calls (they set muster's folders, which
 * slurmctld's empty environment lacks, and hand over to muster's hooks), what an instance runs when it boots, and how a
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
 * What an instance runs. It knows its own id alone (INSTANCE_ID, set by the simulator as EC2's metadata would be) and learns its
 * node name from the registry, where muster writes it only after the gang is whole and Slurm has the address.
 * slurmd takes the place of the shell, so that ending the instance's process group ends it. A step that runs then is in
 * a session of its own: it ends with its job, or with the lab.
 */
export function bootScript(paths: LabPaths, slurmd: string): string {
  return `#!/bin/sh
# Written by "muster lab": the boot of one instance.
registry=${paths.musterState}/registry
until node=$(grep -hs "^$INSTANCE_ID " "$registry"/i-*); do sleep 0.5; done
node=\${node#* }
case $node in
  '' | *[!A-Za-z0-9._-]*) echo "instance $INSTANCE_ID: no usable node name in $registry" >&2; exit 1 ;;
esac
mkdir -p "${paths.nodes}/$node" || exit 1
# -b: registers as freshly booted; without it slurmctld waits for a boot that this machine never does.
exec ${slurmd} -D -N "$node" -b -f ${paths.slurmConf} > /dev/null 2>&1
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
