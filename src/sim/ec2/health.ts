/**
 * The health of an instance: what its status checks say and its console shows.
 *
 * The two checks are apart: that of the instance (its system answers) and that of the system it runs on (EC2's own).
 */
import type { Instant } from '../../core/units.ts';
import { missingParameter, unsupportedOperation } from './errors.ts';
import type {
  GetConsoleOutputAnswer,
  GetConsoleOutputRequest,
  StatusCheck,
} from './health-types.ts';
import { stateAt, type Instance } from './instances.ts';
import { instancesById } from './lifecycle.ts';
import type { World } from './world.ts';

/** The check of the instance itself. */
export function statusAt(instance: Instance, now: Instant): StatusCheck {
  if (stateAt(instance, now) !== 'running') return 'not-applicable';
  if (now >= instance.impairedAt) return 'impaired';
  return now >= instance.bootedAt ? 'ok' : 'initializing';
}

/** The check of the system under it. It passes as soon as the instance runs: it does not wait for its boot. */
export function systemStatusAt(instance: Instance, now: Instant): StatusCheck {
  if (stateAt(instance, now) !== 'running') return 'not-applicable';
  return now >= instance.systemImpairedAt ? 'impaired' : 'ok';
}

/** The word of a status summary as its one detail, `reachability`, says it. */
export function reachabilityOf(status: StatusCheck): string {
  if (status === 'ok') return 'passed';
  return status === 'impaired' ? 'failed' : status;
}

/** EC2 keeps the end of what an instance has written. */
const consoleBytes = 64 * 1024;

/** Families on the hypervisor before Nitro, as EC2's user guide lists them ("Xen-based instances"). */
const beforeNitro = /^(?:c[134]|d2|f1|g3s?|h1|hs1|i[23]|m[1234]|p[23]|r[34]|t[12]|x1e?)\./;

/**
 * The end of the console's text. The buffered one is that of the last start, reboot or end; the model has one text for
 * both. Throws Ec2ApiError for an instance that is not known (an hour after its end it is not), and for `latest` where
 * the type has no such console.
 */
export function getConsoleOutput(
  world: World,
  { instanceId, latest }: GetConsoleOutputRequest,
  now: Instant,
): GetConsoleOutputAnswer {
  if (instanceId === '') throw missingParameter('instanceId');
  const [instance] = instancesById(world, [instanceId], (each) => now >= each.visibleAt);
  if (latest === true && beforeNitro.test(instance?.instanceType ?? '')) {
    throw unsupportedOperation(
      'This instance type does not support retrieving the latest console logs.',
    );
  }
  const shown = instance?.console ?? null;
  if (shown === null) return { instanceId, timestamp: null, output: null };
  const kept = Buffer.from(shown.text).subarray(-consoleBytes);
  return { instanceId, timestamp: shown.at, output: kept.toString('base64') };
}
