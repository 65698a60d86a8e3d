// A list as a table: only the rows that can be seen are in the page, so a thousand of them scroll like ten.

import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type ReactNode, useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

export interface Column<T> {
  key: string
  title: string
  /** Its width, as a track of a CSS grid. */
  track: string
  cell: (row: T) => ReactNode
  /** Cannot be hidden. */
  always?: boolean
  /** Rows can be put in its order, and whether they are. */
  sorted?: 'ascending' | 'descending' | 'none'
  sort?: () => void
}

export interface Selection {
  chosen: ReadonlySet<string>
  choose: (keys: ReadonlySet<string>) => void
}

export interface TableProps<T> {
  /** What a screen reader calls it. */
  label: string
  columns: readonly Column<T>[]
  rows: readonly T[]
  rowKey: (row: T) => string
  /** More attributes of a row, for what it is. */
  rowData?: (row: T) => Record<`data-${string}`, string>
  selection?: Selection & { selectable: (row: T) => boolean; rowLabel: (row: T) => string }
  /** Called when its end comes near. */
  atEnd?: () => void
}

/** The height of a row before it has been measured. */
const ROW = 41
const OVERSCAN = 10
const SELECT_TRACK = '36px'

export function Table<T>(props: TableProps<T>) {
  const { label, columns, rows, rowKey, selection, atEnd } = props
  const body = useRef<HTMLDivElement>(null)
  const [above, setAbove] = useState(0)
  useLayoutEffect(() => {
    const top = body.current ? body.current.getBoundingClientRect().top + window.scrollY : 0
    setAbove((before) => (Math.abs(before - top) > 1 ? top : before))
  })
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW,
    overscan: OVERSCAN,
    scrollMargin: above,
    getItemKey: (index) => rowKey(rows[index] as T),
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useLayoutEffect(() => {
    if (atEnd && last >= rows.length - OVERSCAN) atEnd()
  }, [atEnd, last, rows.length])

  const tracks = columns.map((column) => column.track)
  if (selection) tracks.unshift(SELECT_TRACK)
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-index]')
    if (step === 0 || !row || !(event.target as HTMLElement).matches('a')) return
    const next = Number(row.dataset.index) + step
    if (next < 0 || next >= rows.length) return
    event.preventDefault()
    body.current?.querySelector<HTMLElement>(`[data-index="${next}"] a`)?.focus()
  }
  return (
    <div
      className="table"
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      style={{ '--tracks': tracks.join(' ') } as React.CSSProperties}
    >
      <div role="rowgroup">
        <div className="row head" role="row" aria-rowindex={1}>
          {selection && <SelectAll rows={rows} rowKey={rowKey} selection={selection} />}
          {columns.map((column) => (
            <div
              key={column.key}
              role="columnheader"
              aria-sort={column.sorted}
              className={`cell cell-${column.key}`}
            >
              {column.sort ? (
                <button type="button" className="cell-head-sort" onClick={column.sort}>
                  {column.title}
                  {column.sorted === 'ascending' && ' ↑'}
                  {column.sorted === 'descending' && ' ↓'}
                </button>
              ) : (
                column.title
              )}
            </div>
          ))}
        </div>
      </div>
      <div
        className="rows"
        role="rowgroup"
        ref={body}
        onKeyDown={move}
        style={{ height: virtual.getTotalSize() }}
      >
        {items.map((item) => {
          const row = rows[item.index] as T
          return (
            <div
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              {...props.rowData?.(row)}
              className="row"
              role="row"
              aria-rowindex={item.index + 2}
              data-chosen={selection?.chosen.has(rowKey(row)) || undefined}
              style={{ transform: `translateY(${item.start - above}px)` }}
            >
              {selection && <SelectOne row={row} rowKey={rowKey} selection={selection} />}
              {columns.map((column) => (
                <div key={column.key} role="cell" className={`cell cell-${column.key}`}>
                  {column.cell(row)}
                </div>
              ))}
            </div>
          )
        })}
      </div>
    </div>
  )
}

type Selecting<T> = Pick<TableProps<T>, 'rowKey'> & { selection: NonNullable<TableProps<T>['selection']> }

function SelectAll<T>({ rows, rowKey, selection }: Selecting<T> & { rows: readonly T[] }) {
  const { t } = useTranslation()
  const keys = rows.filter(selection.selectable).map(rowKey)
  const some = keys.some((key) => selection.chosen.has(key))
  const all = some && keys.every((key) => selection.chosen.has(key))
  return (
    <div role="columnheader" className="cell cell-select">
      <input
        type="checkbox"
        aria-label={t('table.all')}
        disabled={keys.length === 0}
        checked={all}
        ref={(box) => {
          if (box) box.indeterminate = some && !all
        }}
        onChange={() => selection.choose(new Set(all ? [] : keys))}
      />
    </div>
  )
}

function SelectOne<T>({ row, rowKey, selection }: Selecting<T> & { row: T }) {
  const { t } = useTranslation()
  const key = rowKey(row)
  const toggle = () => {
    const chosen = new Set(selection.chosen)
    if (!chosen.delete(key)) chosen.add(key)
    selection.choose(chosen)
  }
  return (
    <div role="cell" className="cell cell-select">
      {selection.selectable(row) && (
        <input
          type="checkbox"
          aria-label={t('table.one', { name: selection.rowLabel(row) })}
          checked={selection.chosen.has(key)}
          onChange={toggle}
        />
      )}
    </div>
  )
}

/** The columns that are shown: those named in `hidden` (with commas) are not. */
export function shownColumns<T>(columns: readonly Column<T>[], hidden: string): Column<T>[] {
  const names = new Set(hidden.split(','))
  return columns.filter((column) => column.always || !names.has(column.key))
}

export function ColumnChoice<T>({
  columns,
  hidden,
  hide,
}: {
  columns: readonly Column<T>[]
  hidden: string
  hide: (hidden: string) => void
}) {
  const { t } = useTranslation()
  const names = new Set(hidden.split(',').filter(Boolean))
  const toggle = (key: string) => {
    if (!names.delete(key)) names.add(key)
    hide([...names].join(','))
  }
  return (
    <details className="column-choice" onBlur={closeWhenLeft}>
      <summary>{t('table.columns')}</summary>
      <fieldset className="column-list">
        <legend className="unseen">{t('table.columns')}</legend>
        {columns
          .filter((column) => !column.always)
          .map((column) => (
            <label key={column.key}>
              <input type="checkbox" checked={!names.has(column.key)} onChange={() => toggle(column.key)} />
              {column.title}
            </label>
          ))}
      </fieldset>
    </details>
  )
}

/** A menu of `details` closes when the focus goes elsewhere. */
function closeWhenLeft(event: React.FocusEvent<HTMLDetailsElement>): void {
  const { currentTarget, relatedTarget } = event
  if (relatedTarget && !currentTarget.contains(relatedTarget)) currentTarget.open = false
}
