import { type KeyboardEvent, useEffect, useReducer, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useDesk, useDeskState } from './desk.ts'
import { canFind, changeFind, type FindOptions, findWords, NOTHING } from './find.ts'
import { CloseIcon, DownIcon, UpIcon } from './icons.tsx'
import type { Look } from './look.ts'
import type { View } from './view.ts'

const OPTIONS: { option: keyof FindOptions; face: string }[] = [
  { option: 'caseSensitive', face: 'Aa' },
  { option: 'wholeWord', face: '[ab]' },
  { option: 'regex', face: '.*' },
]

/** Looks through one terminal: Enter upwards, where what was printed last is found first. */
export function FindBar({ view, look }: { view: View; look: Look }) {
  const { t } = useTranslation()
  const desk = useDesk()
  const [state, change] = useReducer(changeFind, NOTHING, (nothing) => ({
    ...nothing,
    term: selectedWord(view),
  }))
  const field = useRef<HTMLInputElement>(null)
  const { term, caseSensitive, wholeWord, regex } = state
  const { search, terminal } = view.screen

  const { over } = useDeskState()
  // Asked for again while it is open: back to the field.
  useEffect(() => {
    if (over?.kind === 'find') field.current?.select()
  }, [over])
  useEffect(() => {
    const results = search.onDidChangeResults(({ resultIndex, resultCount }) =>
      change({ type: 'found', index: resultIndex, count: resultCount }),
    )
    return () => {
      results.dispose()
      search.clearDecorations()
    }
  }, [search])

  const marks = {
    matchBackground: look.palette.match,
    matchOverviewRuler: look.palette.match,
    activeMatchBackground: look.palette.activeMatch,
    activeMatchColorOverviewRuler: look.palette.activeMatch,
  }
  const find = (towards: 'up' | 'down') => {
    if (!canFind(state)) return
    const options = { caseSensitive, wholeWord, regex, decorations: marks }
    if (towards === 'up') search.findPrevious(term, options)
    else search.findNext(term, options)
  }
  const findAnew = useRef(find)
  findAnew.current = find

  // biome-ignore lint/correctness/useExhaustiveDependencies: what is looked for, not how it is shown
  useEffect(() => {
    // From the end, not from what the last letter had found.
    terminal.clearSelection()
    search.clearDecorations()
    findAnew.current('up')
  }, [term, caseSensitive, wholeWord, regex, search, terminal])

  const pressed = (event: KeyboardEvent) => {
    if (event.key === 'Escape') desk.show(null)
    else if (event.key === 'Enter' || event.key === 'F3') find(event.shiftKey ? 'down' : 'up')
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const words = findWords(state)
  return (
    <search className="find" onKeyDown={pressed}>
      <input
        ref={field}
        className="find-field"
        type="text"
        value={term}
        placeholder={t('find.placeholder')}
        aria-label={t('find.placeholder')}
        aria-invalid={words.key === 'find.bad'}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        // biome-ignore lint/a11y/noAutofocus: it appears because somebody asked to type into it
        autoFocus
        onChange={(event) => change({ type: 'term', term: event.target.value })}
      />
      <output className="find-count number" aria-live="polite">
        {t(words.key, words)}
      </output>
      {OPTIONS.map(({ option, face }) => (
        <button
          key={option}
          type="button"
          className="find-option"
          aria-pressed={state[option]}
          aria-label={t(`find.option.${option}`)}
          title={t(`find.option.${option}`)}
          data-face={face}
          onClick={() => change({ type: 'toggle', option })}
        />
      ))}
      <button
        type="button"
        className="find-option"
        aria-label={t('find.up')}
        title={`${t('find.up')} (Enter)`}
        disabled={state.count === 0}
        onClick={() => find('up')}
      >
        <UpIcon />
      </button>
      <button
        type="button"
        className="find-option"
        aria-label={t('find.down')}
        title={`${t('find.down')} (Shift+Enter)`}
        disabled={state.count === 0}
        onClick={() => find('down')}
      >
        <DownIcon />
      </button>
      <button
        type="button"
        className="find-option"
        aria-label={t('find.close')}
        title={`${t('find.close')} (Esc)`}
        onClick={() => desk.show(null)}
      >
        <CloseIcon />
      </button>
    </search>
  )
}

/** What is selected on one line: most often what is to be found again. */
function selectedWord(view: View): string {
  const selected = view.screen.terminal.getSelection()
  return /[\r\n]/.test(selected) ? '' : selected
}
