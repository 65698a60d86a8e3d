import { type KeyboardEvent, type PointerEvent, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { type Divider, LEAST_RATIO } from './workspace.ts'
import { workspaceStore } from './workspace-store.ts'

const STEP = 0.02

/** What is between two panes: dragged, or moved with the arrows. A double click makes both the same. */
export function DividerBar({ divider }: { divider: Divider }) {
  const { t } = useTranslation()
  const { split, direction, ratio, area } = divider
  const bar = useRef<HTMLDivElement>(null)
  const row = direction === 'row'
  const set = (to: number) => workspaceStore.apply({ type: 'ratio', split, ratio: to })
  const drag = (event: PointerEvent) => {
    const whole = bar.current?.parentElement?.getBoundingClientRect()
    if (!whole || !bar.current?.hasPointerCapture(event.pointerId)) return
    const at = row
      ? (event.clientX - whole.left) / whole.width - area.left
      : (event.clientY - whole.top) / whole.height - area.top
    set(at / (row ? area.width : area.height))
  }
  const pressed = (event: KeyboardEvent) => {
    const [less, more] = row ? ['ArrowLeft', 'ArrowRight'] : ['ArrowUp', 'ArrowDown']
    const by = event.key === less ? -STEP : event.key === more ? STEP : 0
    if (!by) return
    event.preventDefault()
    set(ratio + by)
  }
  const along = row
    ? {
        left: `${(area.left + area.width * ratio) * 100}%`,
        top: `${area.top * 100}%`,
        height: `${area.height * 100}%`,
      }
    : {
        top: `${(area.top + area.height * ratio) * 100}%`,
        left: `${area.left * 100}%`,
        width: `${area.width * 100}%`,
      }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a line of a page cannot be dragged
    <div
      ref={bar}
      className="pane-divider"
      data-direction={direction}
      role="separator"
      tabIndex={0}
      aria-label={t('terminal.divider')}
      aria-orientation={row ? 'vertical' : 'horizontal'}
      aria-valuenow={Math.round(ratio * 100)}
      aria-valuemin={Math.round(LEAST_RATIO * 100)}
      aria-valuemax={Math.round((1 - LEAST_RATIO) * 100)}
      style={along}
      onPointerDown={(event) => {
        event.preventDefault()
        event.currentTarget.setPointerCapture(event.pointerId)
      }}
      onPointerMove={drag}
      onDoubleClick={() => set(0.5)}
      onKeyDown={pressed}
    />
  )
}
