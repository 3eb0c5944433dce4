/** What a level says of launches, in the words of `muster config check`: only what is not as it is above that level. */
import { formatDuration } from '../core/units.ts';
import type { LaunchPolicy } from '../core/settings.ts';

type Words = { readonly [Key in keyof LaunchPolicy]: (value: LaunchPolicy[Key]) => string };

const words: Words = {
  scalingStrategy: (strategy) => strategy,
  allOrNothingBatch: (isFirm) => (isFirm ? 'whole launch-batches' : 'launch-batches in part'),
  maxBatchSize: (size) => `at most ${size} instances a launch`,
  strategy: (strategy) =>
    strategy === 'launch' ? 'launched without reserving first' : 'reserved first',
  spread: (isSpread) => (isSpread ? 'spread over zones' : 'in one zone'),
  greedy: (isGreedy) =>
    isGreedy
      ? 'later jobs pass earlier ones (greedy)'
      : 'later jobs wait for earlier ones (not greedy)',
  spares: (count) => (count === 1 ? '1 spare a gang' : `${count} spares a gang`),
  launchPatienceMs: (time) => `launch_patience ${formatDuration(time)}`,
  bootTimeMs: (time) => `boot_time ${formatDuration(time)}`,
  assemblyPatienceMs: (time) => `assembly_patience ${formatDuration(time)}`,
  rungPatienceMs: (time) => `rung_patience ${formatDuration(time)}`,
  retry: ({ firstMs, maxMs, tries, forMs }) =>
    `retries ${formatDuration(firstMs)} to ${formatDuration(maxMs)} apart, ${tries} tries or ${formatDuration(forMs)}`,
  capacityMemory: ({ refusalMs, successMs }) =>
    `a refusal counts for ${formatDuration(refusalMs)}, a success for ${formatDuration(successMs)}`,
  protection: ({ failures }) =>
    failures === 0 ? 'never protected' : `protected after ${failures} failed boots`,
  platform: (platform) => `reserved for ${platform}`,
};

export function describePolicy(here: Partial<LaunchPolicy>, above: LaunchPolicy): string[] {
  return Object.keys(words).flatMap((key) => {
    const name = key as keyof LaunchPolicy;
    return wordsOf(name, here[name], above[name]);
  });
}

function wordsOf<Key extends keyof LaunchPolicy>(
  key: Key,
  here: LaunchPolicy[Key] | undefined,
  above: LaunchPolicy[Key],
): string[] {
  if (here === undefined || JSON.stringify(here) === JSON.stringify(above)) return [];
  return [words[key](here)];
}
