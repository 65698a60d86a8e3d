import { Fragment } from 'react'
import { useTranslation } from 'react-i18next'
import type { Problem } from '../api/client.ts'
import { ACTIONS, type Action, type Text } from '../api/rules.ts'
import { inLanguage, Notice, useProblemWords } from '../parts/notice.tsx'
import { Dot, type Tone } from '../parts/state.tsx'

const TONES: Record<Action, Tone> = { allow: 'good', alert: 'wait', review: 'wait', deny: 'bad' }

/** What happens to a command: a dot and a word. */
export function ActionDot({ action }: { action: Action }) {
  const { t } = useTranslation()
  // An action of a newer server is none that could be named here.
  const known = ACTIONS.find((one) => one === action)
  return known ? <Dot tone={TONES[known]}>{t(`rules.action.${known}`)}</Dot> : <Dot tone="wait">{action}</Dot>
}

/** In the language of the page, or else in the other one. */
export const textIn = (text: Text | null | undefined): string => inLanguage(text ?? {})

/** The words of a command, each by itself: where one ends can matter. */
export function Argv({ argv }: { argv: readonly string[] }) {
  return (
    <code className="argv">
      {argv.map((one, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a word may be there twice, and the list never changes
        <Fragment key={at}>
          <span>{shown(one)}</span>{' '}
        </Fragment>
      ))}
    </code>
  )
}

/** What cannot be seen is written out: nobody approves what they cannot read. */
export function shown(word: string): string {
  const seen = word.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) =>
    c === '\n' ? '\\n' : c === '\t' ? '\\t' : `\\u{${c.codePointAt(0)?.toString(16)}}`,
  )
  return seen === '' ? "''" : seen
}

/** Why a set is refused: each fault with its place. */
export function FaultsNotice({ problem }: { problem: Problem | null }) {
  const words = useProblemWords()
  if (!problem) return null
  return (
    <Notice tone="bad">
      {problem.faults.length === 0 ? (
        words(problem)
      ) : (
        <ul className="faults">
          {problem.faults.map(({ place, what }) => (
            <li key={`${place} ${what}`}>
              {place && <code>{place}</code>} {what}
            </li>
          ))}
        </ul>
      )}
    </Notice>
  )
}
