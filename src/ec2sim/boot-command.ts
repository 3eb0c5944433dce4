/**
 * A boot that is a real process: one command for every instance, told by its environment which instance it is.
 *
 * It runs without a shell, in a process group of its own. When the instance ends, the group gets SIGTERM and, if the
 * command is still there after the grace, SIGKILL. A command that ends by itself ends nothing else, unless its exit code
 * says that it has shut the machine down. A process that leaves the group (a daemon that calls setsid) is out of reach:
 * let the command stay in the foreground.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { DurationMs } from '../core/units.ts';
import type { BootedInstance, OnBoot } from './boots.ts';

export interface BootCommandOptions {
  /** The program and its arguments. */
  readonly argv: readonly string[];
  /** From SIGTERM to SIGKILL; default 5 s. */
  readonly graceMs?: DurationMs;
  /** Called when the command cannot be started. */
  readonly onError?: (message: string) => void;
}

/** The exit code by which a boot command shuts its instance down, as node/muster-node has it. */
export const shutDownExitCode = 100;

/** The variables a boot command gets besides the simulator's own environment. */
export function bootEnvironment(instance: BootedInstance): Readonly<Record<string, string>> {
  return {
    INSTANCE_ID: instance.instanceId,
    PRIVATE_IP: instance.privateIp,
    HOSTNAME: instance.hostname,
    INSTANCE_TYPE: instance.instanceType,
    AVAILABILITY_ZONE: instance.availabilityZone,
    REGION: instance.region,
    ENDPOINT: instance.endpoint,
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error: unknown) {
    // ESRCH: the whole group has ended, which is what was wanted.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function stop(child: ChildProcess, graceMs: DurationMs): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return Promise.resolve();
  if (child.exitCode !== null || child.signalCode !== null) {
    // The command ended by itself; what it left in its group ends with the instance.
    signalGroup(pid, 'SIGKILL');
    return Promise.resolve();
  }
  signalGroup(pid, 'SIGTERM');
  return new Promise((resolve) => {
    const kill = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
    child.once('exit', () => {
      clearTimeout(kill);
      // Its children had the same SIGTERM; those that stayed behind have nobody left to wait for.
      signalGroup(pid, 'SIGKILL');
      resolve();
    });
  });
}

/** Throws RangeError when `argv` is empty. */
export function bootByCommand(options: BootCommandOptions): OnBoot {
  const [program, ...parameters] = options.argv;
  if (program === undefined) {
    throw new RangeError('a boot command needs at least the program to run');
  }
  return (instance, shutDown) => {
    const child = spawn(program, parameters, {
      detached: true,
      stdio: 'ignore',
      env: { ...process.env, ...bootEnvironment(instance) },
    });
    child.on('error', (error) => {
      options.onError?.(
        `the boot command of ${instance.instanceId} could not be started: ${error.message}`,
      );
    });
    child.on('exit', (code) => {
      if (code === shutDownExitCode) shutDown();
    });
    return () => stop(child, options.graceMs ?? 5000);
  };
}
