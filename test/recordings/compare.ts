/** What counts when two transcripts of one story are compared. */
import type { Transcript } from './story.ts';

/** How far a change may be from the real one: the daemons' loops have phases of their own, a second long each. */
export const toleranceSeconds = 2;

/** A state shorter than this may be missing on the other side, unless it answers a command. */
const briefSeconds = 3.5;

interface Change {
  readonly at: number;
  readonly what: string;
  readonly isBrief: boolean;
}

/** The tracks of all nodes and jobs up to `end`, in seconds of the story. */
export function tracks(transcript: Transcript, end: number): ReadonlyMap<string, Change[]> {
  const commandsAt = transcript.answers.filter(({ text }) => text === '').map(({ at }) => at);
  const all = new Map<string, Change[]>();
  for (const [name, track] of Object.entries(transcript.nodes)) {
    const entries = track.map(({ at, state, reason }) => ({
      at,
      what: `${state} ${reason}`.trim(),
    }));
    all.set(name, changes(entries, commandsAt, end));
  }
  for (const [id, track] of Object.entries(transcript.jobs)) {
    const entries = track.map(({ at, state, reason, nodes }) => ({
      at,
      what: `${state} (${reason}) ${nodes}`,
    }));
    all.set(`job ${id}`, changes(entries, [], end));
  }
  return all;
}

function changes(
  track: readonly { readonly at: number; readonly what: string }[],
  commandsAt: readonly number[],
  end: number,
): Change[] {
  const all = track.map(({ at, what }, index) => {
    const lasts = (track[index + 1]?.at ?? Infinity) - at;
    const isAnswer = commandsAt.some((command) => at >= command && at - command < 0.15);
    return { at, what, isBrief: lasts < briefSeconds && !(isAnswer && lasts > 0.3) };
  });
  return all.filter(({ at }) => at <= end);
}

/**
 * What is different between two tracks, in words; null when nothing that counts is. The same states must follow in the
 * same order and at about the same time; brief ones may be missing, and then what comes next may have begun with them.
 */
export function difference(real: readonly Change[], model: readonly Change[]): string | null {
  let [r, m] = [0, 0];
  let [realSince, modelSince]: (number | null)[] = [null, null];
  let last = '';
  for (;;) {
    const [one, other] = [real[r], model[m]];
    if (one === undefined && other === undefined) return null;
    const from = realSince ?? one?.at ?? Infinity;
    const otherFrom = modelSince ?? other?.at ?? Infinity;
    const isNear =
      one !== undefined &&
      other !== undefined &&
      from - toleranceSeconds <= other.at &&
      otherFrom - toleranceSeconds <= one.at;
    if (one !== undefined && one.what === other?.what && isNear) {
      last = one.what;
      [r, m, realSince, modelSince] = [r + 1, m + 1, null, null];
    } else if (one !== undefined && (one.isBrief || one.what === last)) {
      realSince ??= one.at;
      r += 1;
    } else if (other !== undefined && (other.isBrief || other.what === last)) {
      modelSince ??= other.at;
      m += 1;
    } else {
      const words = (change: Change | undefined) =>
        change === undefined ? 'nothing more' : `${change.what} at ${change.at}`;
      return `Slurm: ${words(one)}; the model: ${words(other)}`;
    }
  }
}

/** squeue's text without its TIME column. Held jobs, all of priority 0, come in no order that counts. */
export function untimed(squeue: string): string {
  const lines = squeue.replaceAll(/^(.{50}) .{10} /gm, '$1            ').split('\n');
  const isHeld = (line: string) => line.includes('(JobHeld');
  return [...lines.filter((line) => !isHeld(line)), ...lines.filter(isHeld).toSorted()].join('\n');
}
