/** The three MIME types, and the check that data from a file are what a view can draw. */

import type { ComparisonBundle } from './generated/comparison.schema';
import type { ConversationBundle } from './generated/conversation.schema';
import type { PromptBundle } from './generated/prompt.schema';

export type { ComparisonBundle, ConversationBundle, PromptBundle };

export const MIME = {
  prompt: 'application/vnd.dknb.prompt+json',
  conversation: 'application/vnd.dknb.conversation+json',
  comparison: 'application/vnd.dknb.comparison+json',
} as const;

/** The version of the data that these views know. */
export const VERSION = 1;

/** Data that no view of ours can draw; the message says why. */
export class BundleError extends Error {}

/**
 * Check what the types cannot promise of a file that anybody may have written: the version.
 *
 * A view may still throw on data of a wrong shape; the renderer then shows the plain text instead.
 */
export function checkVersion(data: unknown): void {
  if (typeof data !== 'object' || data === null || !('version' in data)) {
    throw new BundleError('this output is not of dknb');
  }
  if (data.version !== VERSION) {
    throw new BundleError(`this output is of version ${String(data.version)}, and this dknb knows ${VERSION}`);
  }
}
