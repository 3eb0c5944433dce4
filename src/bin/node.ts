/** `muster node script` and `user-data`: what runs on an instance. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isHost, objectionTo, renderUserData, userDataMaxBytes } from '../cli/user-data.ts';
import { formatDuration, parseDuration } from '../core/units.ts';
import { badConfig, loadOrTell } from './load.ts';

const scriptPath = fileURLToPath(new URL('../../node/muster-node', import.meta.url));

/** The exit code for arguments that cannot be used. */
const badUsage = 2;

export interface UserDataOptions {
  readonly config?: string;
  readonly headNode?: string;
  readonly registry?: string;
  readonly slurmdOptions?: string;
  readonly goneAfter: string;
}

export function runNodeScript(): number {
  process.stdout.write(readFileSync(scriptPath, 'utf8'));
  return 0;
}

export function runUserData(options: UserDataOptions): number {
  const config = loadOrTell(options.config);
  if (config === null) return badConfig;
  const goneAfterMs = parseDuration(options.goneAfter);
  if (goneAfterMs === null) {
    return refuse(`--gone-after is "${options.goneAfter}"; write a number and its unit: 30s, 10m`);
  }
  const headNode = options.headNode ?? hostname();
  if (!isHost(headNode)) {
    return refuse(
      `--head-node is "${headNode}"; write the head node's name or address, such as head-node`,
    );
  }
  const data = {
    script: readFileSync(scriptPath, 'utf8'),
    registrySource: options.registry ?? `${headNode}:${join(config.stateDir, 'registry')}`,
    slurmdOptions: options.slurmdOptions ?? `--conf-server ${headNode}`,
    goneAfterMs,
  };
  const objection = objectionTo(data);
  if (objection !== null) return refuse(objection);
  const text = renderUserData(data);
  if (Buffer.byteLength(text) > userDataMaxBytes) {
    return refuse(`the user data is larger than the ${userDataMaxBytes} bytes that EC2 takes`);
  }
  process.stdout.write(text);
  if (process.stdout.isTTY) {
    const when = goneAfterMs === 0 ? 'never' : `after ${formatDuration(goneAfterMs)}`;
    process.stderr.write(
      `muster: instances mount ${data.registrySource}, run slurmd ${data.slurmdOptions}, and end themselves ${when} without a cluster\n`,
    );
  }
  return 0;
}

function refuse(why: string): number {
  process.stderr.write(`muster: ${why}; nothing was written\n`);
  return badUsage;
}
