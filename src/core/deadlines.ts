/** Until when things may happen: Slurm's ResumeTimeout runs from a node's request, and nothing extends it. */
import type { Gang } from './gang.ts';
import type { Settings } from './settings.ts';
import type { DurationMs, Instant } from './units.ts';

/** What an instance is given to boot; a short ResumeTimeout leaves it half of that. */
export function bootAllowanceMs({ resumeTimeoutMs, bootTimeMs }: Settings): DurationMs {
  return resumeTimeoutMs === null ? bootTimeMs : Math.min(bootTimeMs, resumeTimeoutMs / 2);
}

/** How much earlier than ResumeTimeout muster must be done. */
export function marginMs({ resumeTimeoutMs, deadlineMarginMs }: Settings): DurationMs {
  return resumeTimeoutMs === null
    ? deadlineMarginMs
    : Math.min(deadlineMarginMs, resumeTimeoutMs / 10);
}

/** The last moment at which a launch for the gang is of use; where ResumeTimeout is not known, patience decides. */
export function launchBy(settings: Settings, gang: Pick<Gang, 'requestedAt'>): Instant {
  const { resumeTimeoutMs, launchPatienceMs } = settings;
  if (resumeTimeoutMs === null) return gang.requestedAt + launchPatienceMs;
  return gang.requestedAt + resumeTimeoutMs - bootAllowanceMs(settings) - marginMs(settings);
}

/** Every slurmd of a gang must have registered by then. */
export function registerBy(settings: Settings, requestedAt: Instant, givenAt: Instant): Instant {
  const { resumeTimeoutMs } = settings;
  if (resumeTimeoutMs === null) return givenAt + 2 * settings.bootTimeMs;
  return requestedAt + resumeTimeoutMs - marginMs(settings);
}
