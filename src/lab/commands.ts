/**
 * `muster lab down` and `muster lab run`: what the command line calls. Each resolves to the exit code: 0 done, 1 failed or
 * not as expected, 2 bad usage, 130 or 143 after Ctrl-C or SIGTERM (with everything taken down first).
 */
import { BadUsage } from './bad-usage.ts';
import { chooseLabDir, labPaths, removeLab } from './lab-dir.ts';
import { ensureSlurm } from './ensure-slurm.ts';
import type { SlurmAvailability } from './ensure-slurm.ts';
import { openRealWorld } from './real-world.ts';
import { createProgressPrinter, renderResult } from './render.ts';
import { scenarios } from './scenarios/index.ts';
import type {
  LabEvent,
  OpenWorld,
  PhaseResult,
  Scenario,
  ScenarioResult,
  WorldOpener,
} from './world.ts';

export interface LabOptions {
  /** Default: MUSTER_LAB_DIR, else /var/tmp/muster-lab. */
  readonly labDir?: string;
  /** The folder with the system whose Slurm is used; absent: this machine's own, or the model. */
  readonly slurmRoot?: string;
  readonly json: boolean;
  stdout(text: string): void;
  stderr(text: string): void;
  readonly env: NodeJS.ProcessEnv;
  /** The caller's user id. */
  readonly uid: number | undefined;
  /** Standard output is a terminal. */
  readonly isTty: boolean;
  /** Muster's launcher, `bin/muster`, absolute. */
  readonly musterProgram: string;
  /** How the person who called reaches it: `muster`, or its path. */
  readonly calledAs: string;
  /** The folder of muster's hooks, absolute. */
  readonly hooksDir: string;
  /** What an instance runs, `node/muster-node`, absolute. */
  readonly nodeProgram: string;
  /** The world without a real Slurm. */
  readonly openModel: WorldOpener;
}

/** Takes down the lab in the directory, whoever brought it up. */
export async function labDown(options: LabOptions): Promise<number> {
  return reporting(options, async (labDir) => {
    const was = await removeLab(labPaths(labDir));
    if (options.json) options.stdout(`${JSON.stringify({ labDir, wasUp: was })}\n`);
    else
      options.stdout(was ? `The lab in ${labDir} is gone.\n` : `There is no lab in ${labDir}.\n`);
    return 0;
  });
}

function listScenarios(): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  return scenarios.map((one) => `  ${one.name.padEnd(width)}  ${one.summary}\n`).join('');
}

function listScenariosJson(): string {
  const list = scenarios.map(({ name, summary, needsRealSlurm = false }) => ({
    name,
    summary,
    needsRealSlurm,
  }));
  return `${JSON.stringify({ scenarios: list }, null, 2)}\n`;
}

/** Runs a scenario in a lab of its own, which ends with it. */
export async function labRun(name: string | undefined, options: LabOptions): Promise<number> {
  if (name === undefined) {
    options.stdout(options.json ? listScenariosJson() : listScenarios());
    return 0;
  }
  const scenario = scenarios.find((one) => one.name === name);
  if (scenario === undefined) {
    options.stderr(`There is no scenario "${name}". There are:\n${listScenarios()}`);
    return 2;
  }
  return reporting(options, async (labDir) => {
    // With --json, standard output holds the result alone.
    const write = options.json ? options.stderr : options.stdout;
    const isTty = options.isTty && !options.json;
    const progress = createProgressPrinter({ write, isTty, isDetailed: !options.json });
    const outcome = await runScenario(scenario, { ...options, labDir }, progress);
    if (outcome.kind === 'interrupted') return outcome.exitCode;
    const { result } = outcome;
    options.stdout(
      options.json ? `${JSON.stringify(result, null, 2)}\n` : `\n${renderResult(result)}`,
    );
    return result.ok ? 0 : 1;
  });
}

export type RunOutcome =
  | { readonly kind: 'ended'; readonly result: ScenarioResult }
  | { readonly kind: 'interrupted'; readonly exitCode: number };

/** Runs a scenario on a real Slurm, or on the model where there is none (and says so). */
export async function runScenario(
  scenario: Scenario,
  options: LabOptions & { readonly labDir: string },
  progress: (event: LabEvent) => void,
): Promise<RunOutcome> {
  const availability = await availableSlurm(options);
  const interrupt = watchInterrupt();
  try {
    if (availability.kind === 'model' && scenario.needsRealSlurm === true) {
      throw new Error(`${availability.why} "${scenario.name}" needs a real one; nothing was run.`);
    }
    if (availability.kind === 'model') {
      progress({
        kind: 'step',
        text: `${availability.why} Running on the built-in model of Slurm.`,
      });
    }
    const world =
      availability.kind === 'real'
        ? await openRealWorld({ ...options, spec: scenario.spec, progress })
        : await options.openModel(scenario.spec, progress);
    return await runIn(world, scenario, interrupt.signalled, options);
  } finally {
    interrupt.release();
  }
}

async function runIn(
  world: OpenWorld,
  scenario: Scenario,
  interrupted: Promise<number>,
  options: LabOptions & { readonly labDir: string },
): Promise<RunOutcome> {
  let keepFiles = false;
  try {
    const running = scenario.run(world);
    const ended = await Promise.race([running, interrupted]);
    if (typeof ended === 'number') {
      // Its commands fail once Slurm is gone; nobody waits for it any more.
      running.catch(nothing);
      options.stderr('\nInterrupted; taking the lab down.\n');
      return { kind: 'interrupted', exitCode: ended };
    }
    const result = resultOf(scenario.name, world, ended);
    keepFiles = !result.ok;
    return { kind: 'ended', result };
  } catch (error: unknown) {
    keepFiles = true;
    throw error;
  } finally {
    await world.close({ keepFiles });
    if (keepFiles && world.logPaths.length > 0) {
      options.stderr(
        `The logs are kept until the next lab or "${options.calledAs} lab down --lab-dir ${options.labDir}":\n${world.logPaths.map((path) => `  ${path}`).join('\n')}\n`,
      );
    }
  }
}

export function resultOf(
  scenario: string,
  world: Pick<OpenWorld, 'slurm'>,
  phases: readonly PhaseResult[],
): ScenarioResult {
  const expected = phases.flatMap((phase) => phase.expected);
  return {
    scenario,
    slurm: world.slurm.kind,
    slurmVersion: world.slurm.version,
    phases,
    ok: expected.length > 0 && expected.every((one) => one.ok),
  };
}

/** Resolves `signalled` to the exit code when the person has enough. */
function watchInterrupt(): { readonly signalled: Promise<number>; release(): void } {
  let onInt = nothing;
  let onTerm = nothing;
  const signalled = new Promise<number>((resolve) => {
    onInt = () => resolve(130);
    onTerm = () => resolve(143);
  });
  process.on('SIGINT', onInt);
  process.on('SIGTERM', onTerm);
  return {
    signalled,
    release() {
      process.off('SIGINT', onInt);
      process.off('SIGTERM', onTerm);
    },
  };
}

/** A folder that was named is meant: it is never replaced by the model, and `openRealWorld` says what it lacks. */
export async function availableSlurm(options: LabOptions): Promise<SlurmAvailability> {
  if (options.slurmRoot !== undefined) return { kind: 'real' };
  return ensureSlurm({
    allowInstall: true,
    env: options.env,
    uid: options.uid,
    announce: (line) => options.stderr(`${line}\n`),
  });
}

/** Runs a command in the chosen directory; what goes wrong becomes a message and exit code 1, bad usage 2. */
export async function reporting(
  options: LabOptions,
  command: (labDir: string) => Promise<number>,
): Promise<number> {
  try {
    return await command(chooseLabDir(options.labDir, options.env));
  } catch (error: unknown) {
    options.stderr(`muster lab: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof BadUsage ? 2 : 1;
  }
}

function nothing(): void {
  // Nobody listens.
}
