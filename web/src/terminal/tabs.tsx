import { type DragEvent, type KeyboardEvent, type MouseEvent, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLive } from '../api/live.ts'
import { useRight } from '../api/me.ts'
import { sessionName } from '../api/types.ts'
import { BackIcon } from '../parts/icons.tsx'
import { Link } from '../parts/link.tsx'
import { addressOf, useAttention, useDesk, useViewState } from './desk.ts'
import { CloseIcon, FindIcon, MoreIcon, PlusIcon, SplitIcon } from './icons.tsx'
import { keysFor } from './shortcuts.ts'
import { panesOf, type Tab, type Workspace } from './workspace.ts'
import { workspaceStore } from './workspace-store.ts'

/** The row above the terminals: back, the tabs, and what one reaches for most. */
export function Tabs({ workspace }: { workspace: Workspace }) {
  const { t } = useTranslation()
  const desk = useDesk()
  const dragged = useRef<number | null>(null)
  const here = useRight('session_create')
  const focus = workspace.tabs.find((tab) => tab.id === workspace.focus)?.focus
  const elsewhere = useLive().sessions.find((one) => one.uid === focus)?.server
  const shells = here || elsewhere !== undefined
  const menu = (event: MouseEvent<HTMLButtonElement>) => {
    const { right, bottom } = event.currentTarget.getBoundingClientRect()
    desk.show({ kind: 'menu', x: right, y: bottom + 2 })
  }
  return (
    <header className="tabs">
      <Link href="/" className="tabs-button" aria-label={t('terminal.back')} title={t('terminal.back')}>
        <BackIcon />
      </Link>
      <nav aria-label={t('terminal.tabs')}>
        <ul>
          {workspace.tabs.map((tab, index) => (
            <TabItem
              key={tab.id}
              tab={tab}
              index={index}
              current={tab.id === workspace.focus}
              dragged={dragged}
            />
          ))}
        </ul>
      </nav>
      {shells && (
        <BarButton command="tab_new">
          <PlusIcon />
        </BarButton>
      )}
      <span className="gap" />
      {shells && (
        <BarButton command="split_right" wide>
          <SplitIcon />
        </BarButton>
      )}
      <BarButton command="find">
        <FindIcon />
      </BarButton>
      <button
        type="button"
        className="tabs-button"
        aria-haspopup="menu"
        aria-label={t('shortcut.menu')}
        title={`${t('shortcut.menu')} (${keysFor('menu')})`}
        onClick={menu}
      >
        <MoreIcon />
      </button>
    </header>
  )
}

function BarButton({
  command,
  wide,
  children,
}: {
  command: 'tab_new' | 'split_right' | 'find'
  wide?: boolean
  children: React.ReactNode
}) {
  const { t } = useTranslation()
  const desk = useDesk()
  const label = t(`shortcut.${command}`)
  return (
    <button
      type="button"
      className={wide ? 'tabs-button wide-only' : 'tabs-button'}
      aria-label={label}
      title={`${label} (${keysFor(command)})`}
      onClick={() => desk.run(command)}
    >
      {children}
    </button>
  )
}

interface ItemProps {
  tab: Tab
  index: number
  current: boolean
  dragged: { current: number | null }
}

function TabItem({ tab, index, current, dragged }: ItemProps) {
  const { t } = useTranslation()
  const desk = useDesk()
  const [over, setOver] = useState(false)
  const uids = panesOf(tab.root).map((pane) => pane.uid)
  const attention = useAttention(uids)
  const title = useTitle(tab)
  const pane = panesOf(tab.root).find((one) => one.uid === tab.focus)
  const move = (to: number) => workspaceStore.apply({ type: 'move_tab', tab: tab.id, to })
  const pressed = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (event.key === 'Delete') desk.close(uids)
    else if (event.key === 'Escape') desk.view?.focus()
    else if (by && event.altKey) move(index + by)
    else if (by) step(event.currentTarget, by)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    if (dragged.current !== null) workspaceStore.apply({ type: 'move_tab', tab: dragged.current, to: index })
    dragged.current = null
  }
  return (
    <li
      className={over ? 'tab over' : 'tab'}
      data-current={current}
      data-tab={tab.id}
      draggable
      onDragStart={() => {
        dragged.current = tab.id
      }}
      onDragOver={(event) => {
        if (dragged.current === null) return
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDragEnd={() => desk.view?.focus()}
      onDrop={drop}
      onAuxClick={(event) => {
        if (event.button !== 1) return
        event.preventDefault()
        desk.close(uids)
      }}
    >
      <a
        href={pane && addressOf(pane)}
        draggable={false}
        aria-current={current ? 'page' : undefined}
        title={t('terminal.tab.title', { title, keys: `Alt+← →` })}
        onClick={(event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return
          event.preventDefault()
          workspaceStore.apply({ type: 'focus_tab', tab: tab.id })
          desk.view?.focus()
        }}
        onKeyDown={pressed}
      >
        {attention !== 'none' && !current && (
          <span className={`mark ${attention}`}>
            <span className="unseen">{t(`terminal.attention.${attention}`)}</span>
          </span>
        )}
        <span className="tab-title">{title}</span>
        {uids.length > 1 && <span className="tab-count number">{uids.length}</span>}
      </a>
      <button
        type="button"
        className="tab-close"
        aria-label={t('terminal.tab.close', { title })}
        title={t('terminal.tab.close.title')}
        onClick={() => desk.close(uids)}
      >
        <CloseIcon />
      </button>
    </li>
  )
}

function step(from: EventTarget, by: number): void {
  const links = [...document.querySelectorAll<HTMLElement>('.tabs li > a')]
  const next = links[links.indexOf(from as HTMLElement) + by]
  next?.focus()
}

function useTitle(tab: Tab): string {
  const { title } = useViewState(tab.focus)
  const session = useLive().sessions.find((one) => one.uid === tab.focus)
  return title || session?.title || (session ? sessionName(session) : tab.focus.slice(-8))
}
