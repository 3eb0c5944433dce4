/**
 * `muster ec2sim`: the simulator as a command. Its first line is the URL to give to AWS_ENDPOINT_URL (or, with
 * `--json`, an object); then it runs until SIGINT or SIGTERM, and takes every boot process with it.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { bootByCommand } from './boot-command.ts';
import { checkWorld, odditiesOf } from './check-options.ts';
import { startEc2Sim, type Ec2SimOptions } from './server.ts';
import type { CapacitySpec, SubnetSpec, Times } from '../sim/ec2/index.ts';

/** As the command line gives them; what is absent has the simulator's default. Times in milliseconds. */
export interface Ec2simCommandOptions {
  readonly port?: number;
  readonly region?: string;
  readonly seed?: number;
  /** `--capacity c6i.32xlarge@us-east-2b=106`, repeatable; `unlimited` takes a limit of the file away. */
  readonly capacity?: readonly string[];
  /** `--subnet subnet-12345678@us-east-2b=10.0.0.0/18`, repeatable; with one, the default subnets are left out. */
  readonly subnet?: readonly string[];
  readonly pendingMs?: number;
  readonly bootMs?: number;
  readonly bootJitterMs?: number;
  readonly shutdownMs?: number;
  readonly consistencyMs?: number;
  readonly addressDelayMs?: number;
  /** `--no-throttle`: false. */
  readonly throttle?: boolean;
  /** A JSON file with `region`, `seed`, `subnets`, `capacity` and `times`; options on the command line win. */
  readonly file?: string;
  /** Program and arguments, run when an instance has booted (boot-command.ts has its environment). */
  readonly bootCommand?: readonly string[];
  readonly json?: boolean;
}

export interface Ec2simCommandIo {
  write(text: string): void;
  writeError(text: string): void;
  /** Resolves when the command shall end. */
  readonly stopped: Promise<void>;
}

const timesSchema = z
  .strictObject({
    pendingMs: z.number().min(0),
    bootMs: z.number().min(0),
    bootJitterMs: z.number().min(0),
    shutdownMs: z.number().min(0),
    consistencyMs: z.number().min(0),
    addressDelayMs: z.number().min(0),
  })
  .partial();

const fileSchema = z
  .strictObject({
    region: z.string(),
    seed: z.int(),
    subnets: z.array(
      z.strictObject({ subnetId: z.string(), availabilityZone: z.string(), cidr: z.string() }),
    ),
    capacity: z.array(
      z.strictObject({
        instanceType: z.string(),
        availabilityZone: z.string(),
        capacity: z.int().min(0).nullable(),
      }),
    ),
    times: timesSchema,
  })
  .partial();

/** Throws RangeError when the text has another form. */
export function parseCapacity(text: string): CapacitySpec {
  const match = /^([^@=\s]+)@([^@=\s]+)=(\d{1,9}|unlimited)$/.exec(text);
  const [, instanceType, availabilityZone, capacity] = match ?? [];
  if (instanceType === undefined || availabilityZone === undefined) {
    throw new RangeError(
      `--capacity ${text}: expected TYPE@ZONE=COUNT, such as c6i.32xlarge@us-east-2b=106`,
    );
  }
  return {
    instanceType,
    availabilityZone,
    capacity: capacity === 'unlimited' ? null : Number(capacity),
  };
}

/** Throws RangeError when the text has another form. */
export function parseSubnet(text: string): SubnetSpec {
  const match = /^(subnet-[0-9a-z]+)@([^@=\s]+)=([\d./]+)$/.exec(text);
  const [, subnetId, availabilityZone, cidr] = match ?? [];
  if (subnetId === undefined || availabilityZone === undefined || cidr === undefined) {
    throw new RangeError(
      `--subnet ${text}: expected SUBNET@ZONE=RANGE, such as subnet-12345678@us-east-2b=10.0.0.0/18`,
    );
  }
  return { subnetId, availabilityZone, cidr };
}

async function readOptionsFile(path: string | undefined): Promise<z.infer<typeof fileSchema>> {
  if (path === undefined) return {};
  const text = await readFile(path, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error: unknown) {
    throw new RangeError(`${path}: not JSON: ${String(error)}`, { cause: error });
  }
  const result = fileSchema.safeParse(value);
  if (!result.success) throw new RangeError(`${path}: ${z.prettifyError(result.error)}`);
  return result.data;
}

function definedTimes(options: Ec2simCommandOptions): Partial<Times> {
  const { pendingMs, bootMs, bootJitterMs, shutdownMs, consistencyMs, addressDelayMs } = options;
  const times = { pendingMs, bootMs, bootJitterMs, shutdownMs, consistencyMs, addressDelayMs };
  return Object.fromEntries(Object.entries(times).filter(([, value]) => value !== undefined));
}

/** Rejects with RangeError for an option or a file that cannot be understood; `onMessage` hears warnings, and boots that fail. */
export async function simOptionsFrom(
  options: Ec2simCommandOptions,
  onMessage: (message: string) => void,
): Promise<Ec2SimOptions> {
  const file = await readOptionsFile(options.file);
  const region = options.region ?? file.region;
  const seed = options.seed ?? file.seed;
  const subnets = options.subnet?.length ? options.subnet.map(parseSubnet) : file.subnets;
  const { bootCommand = [] } = options;
  const capacity = [...(file.capacity ?? []), ...(options.capacity ?? []).map(parseCapacity)];
  const world = {
    ...(region !== undefined && { region }),
    ...(subnets !== undefined && { subnets }),
    capacity,
  };
  checkWorld(world);
  for (const oddity of odditiesOf(world, bootCommand, process.env['PATH'])) {
    onMessage(`warning: ${oddity}`);
  }
  return {
    ...world,
    ...(options.port !== undefined && { port: options.port }),
    ...(seed !== undefined && { seed }),
    times: { ...(file.times as Partial<Times> | undefined), ...definedTimes(options) },
    ...(options.throttle === false && { throttle: false }),
    ...(bootCommand.length > 0 && {
      onBoot: bootByCommand({ argv: bootCommand, onError: onMessage }),
    }),
  };
}

function processIo(): Ec2simCommandIo {
  return {
    write: (text) => void process.stdout.write(text),
    writeError: (text) => void process.stderr.write(text),
    stopped: new Promise((resolve) => {
      process.once('SIGINT', () => resolve());
      process.once('SIGTERM', () => resolve());
    }),
  };
}

/** Runs until it is told to stop. Resolves to the exit code: 0, or 2 for options that cannot be understood. */
export async function ec2simCommand(
  options: Ec2simCommandOptions,
  io: Ec2simCommandIo = processIo(),
): Promise<number> {
  let sim;
  try {
    sim = await startEc2Sim(
      await simOptionsFrom(options, (message) => io.writeError(`muster ec2sim: ${message}\n`)),
    );
  } catch (error: unknown) {
    if (!(error instanceof RangeError || (error instanceof Error && 'code' in error))) throw error;
    io.writeError(`muster ec2sim: ${error.message}\nNothing was started.\n`);
    return 2;
  }
  const ready = { url: sim.url, adminUrl: sim.adminUrl, region: sim.model.region };
  io.write(options.json === true ? `${JSON.stringify(ready)}\n` : `${sim.url}\n`);
  await io.stopped;
  await sim.close();
  return 0;
}
