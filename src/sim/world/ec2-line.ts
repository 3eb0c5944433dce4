/**
 * The way from muster to the EC2 model and back: calls and answers take time, get lost, come late or are refused.
 * A call that has left is made even if its caller has died since; whether anybody hears the answer is the caller's
 * business.
 */
import type { DurationMs } from '../../core/units.ts';
import { CloudError, type CapacityCloud, type Cloud } from '../../ports/cloud.ts';
import { createModelCloud } from '../ec2/cloud.ts';
import { httpStatusOf, type ActionName, type Ec2Model } from '../ec2/index.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { Chronicle } from './chronicle.ts';
import type { Dice } from './dice.ts';
import type { Weather } from './weather.ts';

const launchTimeoutMs = 30_000;

const launchRefusals = [
  'InsufficientInstanceCapacity',
  'VcpuLimitExceeded',
  'UnauthorizedOperation',
  'InvalidSubnetID.NotFound',
  'Unsupported',
  'ACodeThatNobodyKnows',
];
/** Also what a new reservation says while it is not usable yet. */
const launchIntoReservationRefusals = ['ReservationCapacityExceeded', ...launchRefusals];
const reservationRefusals = [
  'InsufficientInstanceCapacity',
  'InstanceLimitExceeded',
  'UnauthorizedOperation',
  'UnsupportedException',
  'Unsupported',
  'ACodeThatNobodyKnows',
];
/** Of a whole fleet; what stands against one pool is in its answer. */
const fleetRefusals = [
  'VcpuLimitExceeded',
  'UnauthorizedOperation',
  'InvalidFleetConfig',
  'ACodeThatNobodyKnows',
];
const otherRefusals = ['InternalError', 'UnauthorizedOperation', 'ServiceUnavailable'];

export interface Ec2LineParts {
  readonly model: Ec2Model;
  readonly clock: VirtualClock;
  readonly chronicle: Chronicle;
  readonly weather: Pick<Weather, 'strikes' | 'isOut'>;
  readonly dice: Dice;
  /** Told of every launch and reservation that EC2 answered with an error, by its gang; of a fleet also of its pools'. */
  readonly refused: (gangId: string, code: string) => void;
}

/** One call of the port. */
interface Sending {
  readonly action: ActionName;
  readonly timeoutMs: DurationMs;
  /** What EC2 may say to it without a cause in the model. */
  readonly refusals: readonly string[];
}

export function createEc2Line(parts: Ec2LineParts): Cloud & CapacityCloud {
  const { model, clock, dice } = parts;
  const near = createModelCloud(model, { clock, latencyMs: 5, launchTimeoutMs });

  /** Sends the call; it arrives after a while, if it does, and its answer counts until `timeoutMs`. */
  function send<T>(sending: Sending, perform: () => Promise<T>): Promise<T> {
    const { action, timeoutMs } = sending;
    return new Promise((resolve, reject) => {
      const giveUp = (): void =>
        reject(new CloudError('Timeout', `EC2 did not answer ${action} in time`));
      const cancelGiveUp = clock.schedule(timeoutMs, giveUp);
      const travelMs = travelOf(parts, action);
      if (travelMs === null) return;
      clock.schedule(travelMs, () => {
        disturb(parts, sending);
        perform().then(
          (answer) => {
            cancelGiveUp();
            resolve(answer);
          },
          (error: unknown) => {
            cancelGiveUp();
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      });
    });
  }

  /** One attempt at what is paid for from its answer on; a refusal of it is told to the checkers. */
  function order<T>(
    action: ActionName,
    { tags }: { readonly tags: Readonly<Record<string, string>> },
    refusals: readonly string[],
    perform: (refused: (code: string) => void) => Promise<T>,
  ): Promise<T> {
    const refused = (code: string): void => parts.refused(tags['muster:gang'] ?? '', code);
    return send({ action, timeoutMs: launchTimeoutMs, refusals }, async () => {
      try {
        return await perform(refused);
      } catch (error: unknown) {
        if (error instanceof CloudError) refused(error.code);
        throw error;
      }
    });
  }

  function ask<T>(action: ActionName, perform: () => Promise<T>): Promise<T> {
    return send({ action, timeoutMs: 2 * launchTimeoutMs, refusals: otherRefusals }, perform);
  }

  return {
    runInstances(launch) {
      const refusals =
        launch.reservationId === undefined ? launchRefusals : launchIntoReservationRefusals;
      return order('RunInstances', launch, refusals, () => near.runInstances(launch));
    },
    terminateInstances: (ids) => ask('TerminateInstances', () => near.terminateInstances(ids)),
    describeByClientToken: (token) =>
      ask('DescribeInstances', () => near.describeByClientToken(token)),
    listStatus: () => ask('DescribeInstanceStatus', () => near.listStatus()),
    describeInstances: (ids) => ask('DescribeInstances', () => near.describeInstances(ids)),
    consoleOutput: (id) => ask('GetConsoleOutput', () => near.consoleOutput(id)),
    createReservation: (reservation) =>
      order('CreateCapacityReservation', reservation, reservationRefusals, () =>
        near.createReservation(reservation),
      ),
    cancelReservation: (id) => ask('CancelCapacityReservation', () => near.cancelReservation(id)),
    describeReservations: (tags) =>
      ask('DescribeCapacityReservations', () => near.describeReservations(tags)),
    runFleet: (fleet) =>
      order('CreateFleet', fleet, fleetRefusals, async (refused) => {
        const answer = await near.runFleet(fleet);
        for (const { code } of answer.refusals) refused(code);
        return answer;
      }),
    describeByTags: (tags) => ask('DescribeInstances', () => near.describeByTags(tags)),
    describeSubnets: (ids) => ask('DescribeSubnets', () => near.describeSubnets(ids)),
    describePlacementGroups: (names) =>
      ask('DescribePlacementGroups', () => near.describePlacementGroups(names)),
    describeLaunchTemplates: (names) =>
      ask('DescribeLaunchTemplateVersions', () => near.describeLaunchTemplates(names)),
  };

  function travelOf({ weather, chronicle }: Ec2LineParts, action: ActionName): DurationMs | null {
    if (weather.isOut('ec2')) return null;
    if (!weather.strikes('late-requests', 0.04)) return dice.int(2, 80);
    const ms = dice.spread(1_000, 100_000);
    chronicle.fault('late-requests', () => `${action} arrives after ${ms / 1000} s`);
    return ms;
  }
}

/** Lets faults happen to the one call that is made now. */
function disturb(
  { model, weather, chronicle, dice }: Ec2LineParts,
  { action, refusals }: Sending,
): void {
  if (weather.strikes('refusals', 0.06)) {
    const code = dice.pick(refusals);
    chronicle.fault('refusals', () => `${action}: ${code}`);
    model.addFault({ kind: 'refuse', action, code, httpStatus: httpStatusOf(code) });
  } else if (weather.strikes('throttling', 0.05)) {
    chronicle.fault('throttling', () => action);
    model.addFault({ kind: 'refuse', action, code: 'RequestLimitExceeded' });
  }
  if (weather.strikes('lost-answers', 0.08)) {
    const how = dice.pick(['reset', 'silence'] as const);
    chronicle.fault('lost-answers', () => `${action}: ${how}`);
    model.addFault({ kind: 'lose-answer', action, how });
  }
  if (weather.strikes('slow-answers', 0.15)) {
    const delayMs = dice.spread(200, 60_000);
    chronicle.fault('slow-answers', () => `${action}: ${delayMs / 1000} s`);
    model.addFault({ kind: 'delay-answer', action, delayMs });
  }
}
