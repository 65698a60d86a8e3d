import { QRCode } from 'antd'
import { useTranslation } from 'react-i18next'
import type { TotpOffer } from '../api/factors.ts'
import { Command } from './command.tsx'

/** What an app for codes is given: a picture to point the telephone at, and the same for typing. */
export function AppSetup({ offer }: { offer: TotpOffer }) {
  const { t } = useTranslation()
  return (
    <div className="app-setup">
      <p>{t('factors.app.scan')}</p>
      <div className="qr" role="img" aria-label={t('factors.app.picture')}>
        {/* Dark on light in every theme: cameras expect it. */}
        <div aria-hidden="true">
          <QRCode
            type="svg"
            value={offer.uri}
            size={176}
            color="#000000"
            bgColor="#ffffff"
            bordered={false}
          />
        </div>
      </div>
      <p className="soft">{t('factors.app.type')}</p>
      <Command text={offer.secret.replace(/(.{4})(?=.)/g, '$1 ')} />
    </div>
  )
}
