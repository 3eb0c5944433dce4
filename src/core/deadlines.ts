/** Until when things may happen: Slurm's ResumeTimeout runs from a node's request, and nothing extends it. */
import type { Gang } from './gang.ts';
import { type PolicyOf, settingsFor } from './launch-policy.ts';
import type { Settings } from './settings.ts';
import type { DurationMs, Instant } from './units.ts';

/** What an instance is given to boot, with the settings of its place or gang. A short ResumeTimeout leaves it less: two must fit, the first and its replacement. */
export function bootAllowanceMs(settings: Settings): DurationMs {
  const { resumeTimeoutMs, bootTimeMs } = settings;
  if (resumeTimeoutMs === null) return bootTimeMs;
  return Math.min(bootTimeMs, Math.round((resumeTimeoutMs - marginMs(settings)) * 0.45));
}

/** How much earlier than ResumeTimeout muster must be done. */
export function marginMs({ resumeTimeoutMs, deadlineMarginMs }: Settings): DurationMs {
  return resumeTimeoutMs === null
    ? deadlineMarginMs
    : Math.min(deadlineMarginMs, resumeTimeoutMs / 10);
}

/**
 * The last moment at which a launch for the gang is of use; where ResumeTimeout is not known, patience decides: with a
 * replacement from when it was found to be needed.
 */
export function launchBy(
  settings: Settings,
  gang: Pick<Gang, 'requestedAt' | keyof PolicyOf> & Partial<Pick<Gang, 'formedAt' | 'replaces'>>,
): Instant {
  const here = settingsFor(settings, gang);
  const { resumeTimeoutMs, launchPatienceMs } = here;
  if (resumeTimeoutMs === null) {
    const since = gang.replaces == null ? gang.requestedAt : (gang.formedAt ?? gang.requestedAt);
    return since + launchPatienceMs;
  }
  return gang.requestedAt + resumeTimeoutMs - bootAllowanceMs(here) - marginMs(here);
}

/** The ResumeTimeout with which a launch so long after the request is still of use. */
export function resumeTimeoutFor(settings: Settings, launchMs: DurationMs): DurationMs {
  return launchMs + settings.bootTimeMs + settings.deadlineMarginMs;
}

/** Every slurmd of a gang must have registered by then, with the gang's settings. */
export function registerBy(settings: Settings, requestedAt: Instant, givenAt: Instant): Instant {
  const { resumeTimeoutMs } = settings;
  if (resumeTimeoutMs === null) return givenAt + 2 * settings.bootTimeMs + marginMs(settings);
  return requestedAt + resumeTimeoutMs - marginMs(settings);
}
