/**
 * What an instance is told at its birth: cloud-init's user data that puts muster-node in place and has systemd run it. Only
 * what an image of Amazon Linux or Ubuntu has is used.
 */
import type { DurationMs } from '../core/units.ts';

export interface UserData {
  /** The text of node/muster-node. */
  readonly script: string;
  /** What instances mount by NFS to read the registry: `HOST:/PATH`. */
  readonly registrySource: string;
  /** What slurmd is started with besides its name. */
  readonly slurmdOptions: string;
  /** After how long an instance that hears nothing of the cluster shuts itself down; 0: never. */
  readonly goneAfterMs: DurationMs;
}

/** EC2 takes no more user data than this, before it is encoded. */
export const userDataMaxBytes = 16_384;

/** As slurmd's own unit has it: the steps of jobs live on when it is stopped, and are not limited by systemd's defaults. */
const service = `[Unit]
Description=muster-node: learns this node's name, keeps slurmd, ends the instance when its cluster is gone
Wants=network-online.target
After=network-online.target munge.service

[Service]
EnvironmentFile=/etc/muster/node.env
ExecStart=/usr/local/sbin/muster-node
RuntimeDirectory=muster-node
Restart=always
RestartSec=5
# It has shut the machine down, or can never start.
RestartPreventExitStatus=100 2
KillMode=process
Delegate=yes
TasksMax=infinity
LimitNOFILE=131072
LimitMEMLOCK=infinity
LimitSTACK=infinity
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
`;

export function renderUserData(data: UserData): string {
  const environment = [
    `MUSTER_REGISTRY_SOURCE="${data.registrySource}"`,
    `MUSTER_GONE_AFTER="${Math.ceil(data.goneAfterMs / 1000)}"`,
    `SLURMD_OPTIONS="${data.slurmdOptions}"`,
  ].join('\n');
  return `#cloud-config
# Written by "muster node user-data". The image needs Slurm (slurmd, munge with the cluster's key) and an NFS client.
write_files:
${file('/usr/local/sbin/muster-node', '0755', data.script)}
${file('/etc/muster/node.env', '0644', `${environment}\n`)}
${file('/etc/systemd/system/muster-node.service', '0644', service)}
runcmd:
  # Nothing else may start slurmd: a node that has its name by another way is one that muster cannot keep back.
  - systemctl disable --now slurmd.service || true
  - systemctl daemon-reload
  - systemctl enable --now --no-block muster-node.service
`;
}

function file(path: string, permissions: string, content: string): string {
  const lines = content.trimEnd().split('\n');
  const indented = lines.map((line) => (line === '' ? '' : `      ${line}`)).join('\n');
  return `  - path: ${path}\n    permissions: '${permissions}'\n    content: |\n${indented}`;
}

const host = '[A-Za-z0-9._:[\\]-]+';

/** A name or an address, as both mount and slurmd take it. */
export function isHost(text: string): boolean {
  return new RegExp(`^${host}$`).test(text);
}

/** Why these cannot stand in the file that systemd reads; null when they can. */
export function objectionTo({ registrySource, slurmdOptions }: UserData): string | null {
  if (!new RegExp(`^${host}:/[A-Za-z0-9._/-]*$`).test(registrySource)) {
    return `the registry is to be mounted from HOST:/PATH, such as head-node:/var/lib/muster/registry, not from "${registrySource}"`;
  }
  if (/["'\\`$%\n]/.test(slurmdOptions)) {
    return `slurmd's options may have no quotes, backslashes, dollar or percent signs: "${slurmdOptions}"`;
  }
  return null;
}
