import { type KeyboardEvent, useCallback, useEffect, useId, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { listRecordings, Problem } from '../api/client.ts'
import { useLive } from '../api/live.ts'
import { useMe } from '../api/me.ts'
import { listServers } from '../api/servers.ts'
import { ProblemNotice } from '../parts/notice.tsx'
import { useLoad } from '../parts/use-load.ts'
import { useLater } from '../parts/use-pages.ts'
import { useRecentServers } from '../servers/recent.ts'
import { type Command, commands } from './commands.ts'
import { leave } from './frame.tsx'
import { rank } from './fuzzy.ts'

/** More than these nobody reads: another letter finds it sooner. */
const MOST_SHOWN = 40
const RECORDINGS = 100
const PAUSE = 150

export function Palette({ close, showKeys }: { close: () => void; showKeys: () => void }) {
  const { t } = useTranslation()
  const dialog = useRef<HTMLDialogElement>(null)
  const list = useRef<HTMLDivElement>(null)
  const id = useId()
  const me = useMe()
  const { sessions } = useLive()
  const { data } = useLoad(useCallback(() => listRecordings({ limit: RECORDINGS }), []))
  const [query, setQuery] = useState('')
  const [active, setActive] = useState(0)
  const [problem, setProblem] = useState<Problem | null>(null)
  const recordings = data?.items
  // Up to a page of servers is ranked here; of more than that the server is asked for those that fit.
  const few = useLoad(useCallback(() => listServers(), []))
  const many = useLater(few.data?.next ? query.trim() : '', PAUSE)
  const fitting = useLoad(useCallback(async () => (many ? listServers({ q: many }) : null), [many]))
  const servers = fitting.data?.items ?? few.data?.items
  const recent = useRecentServers()
  const all = useMemo(
    () =>
      commands(t, {
        me,
        sessions,
        recordings: recordings ?? [],
        servers: servers ?? [],
        recent,
        leave,
        showKeys,
      }),
    [t, me, sessions, recordings, servers, recent, showKeys],
  )
  const found = useMemo(
    () => rank(query, all, ({ words, more }) => `${words} ${more ?? ''}`).slice(0, MOST_SHOWN),
    [query, all],
  )
  const at = Math.min(active, found.length - 1)

  useEffect(() => {
    const element = dialog.current
    const before = document.activeElement
    if (element && !element.open) element.showModal()
    return () => {
      element?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever moved it, the active one must be seen
  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' })
  }, [at, found])

  const run = (command: Command) => {
    close()
    // A command that fails (no room for a session) opens the palette's words again.
    Promise.resolve(command.run()).catch((error: unknown) => {
      if (!(error instanceof Problem)) throw error
      setProblem(error)
    })
  }
  const pressed = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key]
    if (step !== undefined) {
      event.preventDefault()
      const to = at + step
      const wraps = Math.abs(step) === 1
      const last = found.length - 1
      setActive(to < 0 ? (wraps ? last : 0) : to > last ? (wraps ? 0 : last) : to)
    } else if (event.key === 'Enter' && !event.nativeEvent.isComposing) {
      event.preventDefault()
      const command = found[at]
      if (command) run(command)
    }
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside it closes it; from the keyboard Escape does
    <dialog
      ref={dialog}
      className="palette"
      aria-label={t('palette.title')}
      onCancel={(event) => {
        event.preventDefault()
        close()
      }}
      onClick={(event) => event.target === dialog.current && close()}
    >
      <input
        className="palette-input"
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}list`}
        aria-activedescendant={found[at] ? `${id}${at}` : undefined}
        aria-autocomplete="list"
        aria-label={t('palette.title')}
        placeholder={t('palette.placeholder')}
        autoComplete="off"
        spellCheck={false}
        value={query}
        onChange={(event) => {
          setQuery(event.target.value)
          setActive(0)
        }}
        onKeyDown={pressed}
      />
      <ProblemNotice problem={problem} />
      <div
        className="palette-list"
        role="listbox"
        id={`${id}list`}
        aria-label={t('palette.results')}
        ref={list}
      >
        {found.map((command, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's, which keeps the focus
          // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus
          <div
            key={command.key}
            id={`${id}${index}`}
            role="option"
            aria-selected={index === at}
            className="palette-item"
            onClick={() => run(command)}
            onMouseMove={() => setActive(index)}
          >
            <span className="palette-words">{command.words}</span>
            {command.more && <span className="palette-more soft">{command.more}</span>}
            <span className="palette-group">{t(`palette.group.${command.group}`)}</span>
          </div>
        ))}
      </div>
      {found.length === 0 && (
        <p className="palette-none soft" role="status">
          {t('table.nothing', { q: query })}
        </p>
      )}
    </dialog>
  )
}
