import { describe, expect, test } from 'vitest';
import type { Decision } from './decisions.ts';
import { createDraft } from './draft.ts';
import type { Effect } from './effects.ts';
import { emptyState } from './state.ts';

const refusal = { code: 'InstanceEnded', message: 'EC2 ended the instance', nodes: ['n1'] };

function dropped(gangId: string, nodes: readonly string[]): Decision {
  return { kind: 'NodesDropped', gangId, nodes, refusal: { ...refusal, nodes } };
}

function closed(gangId: string, requestIds: readonly string[]): Decision {
  return { kind: 'GangClosed', gangId, requestIds, jobIds: [], given: [], refusals: [refusal] };
}

function release(gangId: string, nodes: readonly string[]): Effect {
  return { kind: 'ReleaseNodes', id: `${gangId}/release`, nodes, reason: '' };
}

describe('what a turn has decided is found', () => {
  test('also when it was decided after the last question', () => {
    const { index, decisions } = createDraft(emptyState(), 0);
    decisions.push(dropped('r/0', ['n1']), { kind: 'GangCancelled', gangId: 'r/1' });
    const before = index.droppedBy('r/0');
    expect(index.isCancelled('r/1')).toBe(true);
    expect(index.isCancelled('r/0')).toBe(false);
    decisions.push(dropped('r/1', ['n2']), dropped('r/0', ['n3', 'n4']));
    decisions.push({ kind: 'GangCancelled', gangId: 'r/0' });
    expect([...index.droppedBy('r/0')]).toEqual(['n1', 'n3', 'n4']);
    expect(index.isCancelled('r/0')).toBe(true);
    // Who asked holds what was so then.
    expect([...before]).toEqual(['n1']);
  });

  test('for every request of a gang, in order', () => {
    const { index, decisions } = createDraft(emptyState(), 0);
    decisions.push(closed('a/0', ['a']), closed('a/1', ['a', 'b']));
    decisions.push({ kind: 'NodesRejected', requestId: 'a', refusal });
    expect(index.closingsOf('a').map(({ gangId }) => gangId)).toEqual(['a/0', 'a/1']);
    expect(index.closingsOf('b').map(({ gangId }) => gangId)).toEqual(['a/1']);
    expect(index.rejectedOf('a')).toEqual(['n1']);
    expect(index.rejectedOf('b')).toEqual([]);
  });

  test('until the last gang of a request is closed, in whatever order, one is open', () => {
    const draft = createDraft(emptyState(), 0);
    const request = { id: 'a', openGangs: new Set(['a/0', 'a/1', 'a/2']), given: [], failed: [] };
    for (const gangId of ['a/2', 'a/0', 'a/1']) {
      expect(draft.index.hasOpenGang(request)).toBe(true);
      draft.closed.add(gangId);
    }
    expect(draft.index.hasOpenGang(request)).toBe(false);
  });
});

test('releases of a node are those that were out before the turn, and its own', () => {
  const state = emptyState();
  const out = { tries: 0, looks: 0, deferredUntil: null, unknownOutcome: false, why: null };
  state.outstanding.set('r/0/release', { ...out, effect: release('r/0', ['n1', 'n2']) });
  const { index, effects } = createDraft(state, 0);
  const idsFor = (node: string): string[] => index.releasesOf(node).map(({ id }) => id);
  expect(idsFor('n1')).toEqual(['r/0/release']);
  effects.push(release('r/1', ['n1', 'n3']));
  expect(idsFor('n1')).toEqual(['r/0/release', 'r/1/release']);
  expect(idsFor('n3')).toEqual(['r/1/release']);
  expect(idsFor('n4')).toEqual([]);
  expect(index.hasEffect('r/1/release')).toBe(true);
  // Of another turn.
  expect(index.hasEffect('r/0/release')).toBe(false);
});
