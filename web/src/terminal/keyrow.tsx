import type { PointerEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { useDesk, useViewState } from './desk.ts'
import { KEY_FACE, KEY_ROW } from './keys.ts'

/** Keys that a telephone's keyboard has not, above it. A press leaves the focus where it is. */
export function KeyRow({ uid }: { uid: string }) {
  const { t } = useTranslation()
  const { views } = useDesk()
  const { control } = useViewState(uid)
  const stay = (event: PointerEvent) => event.preventDefault()
  return (
    <div className="key-row" role="toolbar" aria-label={t('terminal.keys')} onPointerDown={stay}>
      {KEY_ROW.map((key) => (
        <button
          key={key}
          type="button"
          aria-label={key.startsWith('Arrow') ? key : undefined}
          aria-pressed={key === 'Control' ? control : undefined}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => views.get(uid)?.pressKey(key)}
        >
          {KEY_FACE[key] ?? key}
        </button>
      ))}
    </div>
  )
}
