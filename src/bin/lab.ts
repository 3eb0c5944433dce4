/** `muster lab`: the lab with the model of Slurm behind it for where there is no real one. */
import { resolve } from 'node:path';
import { demo } from '../lab/demo.ts';
import { calledAs } from '../lab/called-as.ts';
import { labDown, labRun, type LabOptions } from '../lab/commands.ts';
import { labUp } from '../lab/up.ts';
import { openModelWorld } from './model-world.ts';

const root = resolve(import.meta.dirname, '../..');
const musterProgram = resolve(root, 'bin/muster');

export interface LabFlags {
  readonly labDir?: string;
  readonly slurmRoot?: string;
  readonly json?: boolean;
  /** Of `lab up`. */
  readonly mode?: string;
}

function optionsFrom(flags: LabFlags): LabOptions {
  return {
    ...(flags.labDir === undefined ? {} : { labDir: flags.labDir }),
    ...(flags.slurmRoot === undefined ? {} : { slurmRoot: flags.slurmRoot }),
    json: flags.json === true,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    env: process.env,
    isTty: process.stdout.isTTY,
    uid: process.getuid?.(),
    musterProgram,
    calledAs: calledAs(musterProgram, process.env['PATH']),
    hooksDir: resolve(root, 'hooks'),
    nodeProgram: resolve(root, 'node/muster-node'),
    openModel: openModelWorld,
  };
}

export const runLabUp = (flags: LabFlags): Promise<number> =>
  labUp({ ...optionsFrom(flags), ...(flags.mode === undefined ? {} : { mode: flags.mode }) });
export const runLabDown = (flags: LabFlags): Promise<number> => labDown(optionsFrom(flags));
export const runLabScenario = (name: string | undefined, flags: LabFlags): Promise<number> =>
  labRun(name, optionsFrom(flags));
export const runDemo = (flags: LabFlags): Promise<number> => demo(optionsFrom(flags));
