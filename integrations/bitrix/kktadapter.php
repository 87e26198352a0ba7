<?php

/**
 * Касса kkt-adapter для «1С-Битрикс»: встроенный обработчик «АТОЛ Онлайн», у которого свой адрес сервера.
 *
 * 1. Положите файл в /local/php_interface/include/kktadapter.php.
 * 2. Добавьте в /local/php_interface/init.php:
 *        define('KKT_ADAPTER_URL', 'https://kkt.example.ru');
 *        require_once __DIR__ . '/include/kktadapter.php';
 * 3. Магазин → Кассы ККМ → Добавить кассу: обработчик «kkt-adapter», логин и пароль магазина
 *    (kkt-adapter shops add web --group main --duplicate-http 200), группа main.
 */

use Bitrix\Main\EventManager;
use Bitrix\Main\EventResult;
use Bitrix\Main\Loader;
use Bitrix\Sale\Cashbox\CashboxAtolFarmV5;

EventManager::getInstance()->addEventHandler('sale', 'OnGetCustomCashboxHandlers', static function () {
    return new EventResult(EventResult::SUCCESS, [
        '\\CashboxKktAdapter' => '/local/php_interface/include/kktadapter.php',
    ]);
});

if (Loader::includeModule('sale') && !class_exists('CashboxKktAdapter', false)) {
    class CashboxKktAdapter extends CashboxAtolFarmV5
    {
        public const SERVICE_URL = KKT_ADAPTER_URL . '/possystem/v5';
        public const TOKEN_OPTION_NAME = 'kkt_adapter_token';

        public static function getName()
        {
            return 'kkt-adapter';
        }
    }
}
